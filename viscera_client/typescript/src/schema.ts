// Made by `npm run generate`: do not change it by hand.
export interface paths {
    "/v1/dicom/series": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Series
         * @description Return the tenant's series, or the one with this Series Instance UID.
         */
        get: operations["list_series_v1_dicom_series_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dicom/series/{series}/close": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Close
         * @description Close an open series now, without the quiet time; 409 if it is not open.
         */
        post: operations["close_v1_dicom_series__series__close_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dicom/jobs/{job_id}/same-patient": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Jobs Of Same Patient
         * @description Return the jobs whose studies have the Patient ID of this job's study, this job included.
         *
         *     There is none for a scan that was uploaded: only the studies of the archive's index have a patient.
         */
        get: operations["list_jobs_of_same_patient_v1_dicom_jobs__job_id__same_patient_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dicom/destinations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Destinations
         * @description Return the DICOM systems that the operator configured for the tenant's results.
         */
        get: operations["list_destinations_v1_dicom_destinations_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send
         * @description Send the newest finished revision of a result to a destination, again if it was sent before.
         *
         *     The scan must have been DICOM. The DICOM files of an uploaded scan are written first, and are then instances of the
         *     tenant's archive. 404 for an unknown destination, 409 where no organ was found.
         */
        post: operations["send_v1_jobs__job_id__deliveries_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dicom/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Deliveries
         * @description Return the tenant's deliveries, of one job or in one state.
         */
        get: operations["list_deliveries_v1_dicom_deliveries_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dicom/deliveries/{delivery_id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry
         * @description Make a failed or waiting delivery due now; 409 if it was delivered or is being sent.
         */
        post: operations["retry_v1_dicom_deliveries__delivery_id__retry_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dicom/studies/{study}/deidentified.zip": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export
         * @description Export the study's images and segmentations after the Basic Profile; refused where annotations are burned in.
         *
         *     Reports and encapsulated surfaces are left out: the profile would remove all their content.
         */
        get: operations["export_v1_dicom_studies__study__deidentified_zip_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dicom/studies/{study}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Erase
         * @description Erase a study: its instances, its jobs and their results, and its ledger records.
         */
        delete: operations["erase_v1_dicom_studies__study__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/livez": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Livez
         * @description Return 200 while this process answers; it waits for no thread, which a busy service may lack.
         */
        get: operations["livez_livez_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Readyz
         * @description Return whether a job would run now: ledger, broker, and a live worker for each stage.
         */
        get: operations["readyz_readyz_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Models
         * @description Return the models of live workers with execution provider and device.
         */
        get: operations["list_models_v1_models_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Session
         * @description Return the caller of this request's key or session.
         */
        get: operations["get_session_v1_session_get"];
        put?: never;
        /**
         * Sign In
         * @description Open a session for the holder of a key; it expires with the key, at the latest after twelve hours.
         *
         *     Raises Unauthorized also for a session's own value, which would otherwise renew itself for ever.
         */
        post: operations["sign_in_v1_session_post"];
        /**
         * Sign Out
         * @description End the session, and let the browser forget what it showed; its key stays valid.
         */
        delete: operations["sign_out_v1_session_delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session/oidc": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Offer
         * @description Return whether the page should offer sign-in at an identity provider.
         */
        get: operations["offer_v1_session_oidc_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session/oidc/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Login
         * @description Redirect the browser to the identity provider.
         */
        get: operations["login_v1_session_oidc_login_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session/oidc/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Callback
         * @description Receive the browser from the identity provider, open a session and show the page.
         */
        get: operations["callback_v1_session_oidc_callback_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/oauth/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give Token
         * @description Return a token for five minutes to a registered system that signed the assertion.
         *
         *     Raises NotFound without a public address in the settings.
         */
        post: operations["give_token_v1_oauth_token_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Jobs
         * @description Return the tenant's jobs, newest first; `created_after` is inclusive, `created_before` exclusive.
         *
         *     `q` are words, each of which a job must have: in its name, note, tags, modality or model, as six or more characters
         *     of its number, or as the day, month or year of its creation (2026-11-30, 2026-11, 2026; UTC). `tag` may be repeated.
         *     `warning` is a code of `report.json` that the newest result has, of an organ or of the whole.
         */
        get: operations["list_jobs_v1_jobs_get"];
        put?: never;
        /**
         * Create Job
         * @description Accept a scan as the raw body, or as JSON the id of an uploaded scan, and start a job on it.
         */
        post: operations["create_job_v1_jobs_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Job
         * @description Return the job; with `wait`, after a change or that many seconds.
         */
        get: operations["get_job_v1_jobs__job_id__get"];
        put?: never;
        post?: never;
        /**
         * Delete Job
         * @description Cancel the job if it runs, and erase its scan and results; an audit record stays.
         */
        delete: operations["delete_job_v1_jobs__job_id__delete"];
        options?: never;
        head?: never;
        /**
         * Change Job
         * @description Change what people wrote about a job: name, note, tags, review. The job itself does not change.
         */
        patch: operations["change_job_v1_jobs__job_id__patch"];
        trace?: never;
    };
    "/v1/jobs/{job_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel Job
         * @description End the job as cancelled; no later stage starts. 409 if it had already ended.
         */
        post: operations["cancel_job_v1_jobs__job_id__cancel_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/scans": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Upload Scan
         * @description Accept a scan as the raw body, without starting a job; with `upload=direct` start an upload in parts.
         */
        post: operations["upload_scan_v1_scans_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/uploads/{upload_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Upload
         * @description Return which parts have arrived, and new URLs for the others.
         */
        get: operations["get_upload_v1_uploads__upload_id__get"];
        put?: never;
        post?: never;
        /**
         * Abort Upload
         * @description Abandon the upload and erase its parts.
         */
        delete: operations["abort_upload_v1_uploads__upload_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/uploads/{upload_id}/parts/{number}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Put Part
         * @description Store one part, where the store does not take it itself; a repeated part replaces the earlier one.
         */
        put: operations["put_part_v1_uploads__upload_id__parts__number__put"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/uploads/{upload_id}/complete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Complete Upload
         * @description Join the parts, check size, SHA-256 and headers, and record the scan; 409 while parts are missing.
         *
         *     A scan that can't be used is refused and erased. A repeated call after success returns the same scan.
         */
        post: operations["complete_upload_v1_uploads__upload_id__complete_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow Job
         * @description Stream the job's history after `Last-Event-ID`, then every change until it has ended.
         *
         *     `event: log` is one entry of the history, `event: job` the whole Job. The stream ends after the end state. A client
         *     that has seen the end state gets 204, which makes browsers stop reconnecting. It also ends with the caller's key.
         *
         *     With `early`, the segmenter shows slices as it finishes them: `event: early` is one part of them, see
         *     `/v1/jobs/{id}/early`. A part with another `attempt` replaces all earlier ones.
         */
        get: operations["follow_job_v1_jobs__job_id__events_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/early": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Early
         * @description Return which slices are finished so far, and have the segmenter show more of them for the next 15 seconds.
         *
         *     The list is empty before the first slices are finished, for a model that reads volumes, and once the label map is
         *     complete.
         */
        get: operations["list_early_v1_jobs__job_id__early_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/early/{number}.nii.gz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Early
         * @description Return a part as a NIfTI label map with the affine of its slices; 204 where there is none any more.
         *
         *     Small islands are not yet removed: `labels.nii.gz` can differ. That a part is gone is no error: it is deleted in the
         *     moment when the label map is complete, and whoever has just read of it can't know.
         */
        get: operations["get_early_v1_jobs__job_id__early__number__nii_gz_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/slices/{number}.png": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Slice
         * @description Return one slice of the scan, counted from 0 along the label map's third axis; `overlay=1` draws the organs'
         *     outlines, and before the label map is complete those that the segmenter shows early.
         *
         *     The patient's left is on the right. `center` and `width` choose the window in the scan's units. The outlines are
         *     those of the `revision`, by default of the newest finished one.
         */
        get: operations["get_slice_v1_jobs__job_id__slices__number__png_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/volume.nii.gz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Volume
         * @description Return the scan as gzipped NIfTI on its own grid, without personal data.
         */
        get: operations["get_volume_v1_jobs__job_id__volume_nii_gz_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/report.pdf": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Report
         * @description Return the result as a PDF: volumes with warnings, a picture of each organ, models, revision, review state.
         *
         *     `lang` is `en` or `de`; without it Accept-Language decides. The pictures are drawn at the first request, once: the
         *     answer waits up to ten seconds, then it is 202 with `Retry-After`. The patient of a DICOM scan is named only to
         *     callers with the scope `dicom:read`; guests of a share link see neither the patient nor what people wrote.
         */
        get: operations["get_report_v1_jobs__job_id__report_pdf_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/labels.nii.gz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Labels
         * @description Return the label map of a revision; its ETag is what a correction names in `If-Match`.
         */
        get: operations["get_labels_v1_jobs__job_id__labels_nii_gz_get"];
        /**
         * Put Labels
         * @description Correct the outlines: the body is a label map on the same grid with ids of the job's label set.
         *
         *     `If-Match` is the ETag of the label map that was corrected. The answer's ETag is that of the new label map. Its
         *     model and report are written next; `model.glb?revision=n` waits for them. The algorithm's revision 1 never changes.
         */
        put: operations["put_labels_v1_jobs__job_id__labels_nii_gz_put"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Patch Labels
         * @description Correct the outlines by edits, without sending the label map; otherwise as PUT.
         *
         *     `relabel` gives the connected part at a voxel another label, `fill` fills what a label encloses, `erase` removes a
         *     label, and `paint` gives runs of voxels a label. `smooth` smooths an outline, `islands` removes small parts, and
         *     `interpolate` gives the shapes between the parts in some slices.
         */
        patch: operations["patch_labels_v1_jobs__job_id__labels_nii_gz_patch"];
        trace?: never;
    };
    "/v1/jobs/{job_id}/labels/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Preview Labels
         * @description Return the label map that edits would make, and save nothing; body and `If-Match` are those of PATCH.
         */
        post: operations["preview_labels_v1_jobs__job_id__labels_preview_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/revisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Revisions
         * @description Return the revisions of the result, oldest first; none while the job has no result.
         */
        get: operations["list_revisions_v1_jobs__job_id__revisions_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/measurements": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Measurements
         * @description Return what people measured on the scan; also the guest of a share link of this job sees it.
         */
        get: operations["list_measurements_v1_jobs__job_id__measurements_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/measurements/{measurement_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Put Measurement
         * @description Add a measurement under an id that the client chooses, or change one that has the ETag in `If-Match`.
         *
         *     The same request again changes nothing. A value is computed here from the points and the scan. 412 where the
         *     measurement is another one by now, 409 while the scan is not read yet. A job has at most 500 measurements.
         */
        put: operations["put_measurement_v1_jobs__job_id__measurements__measurement_id__put"];
        post?: never;
        /**
         * Delete Measurement
         * @description Delete a measurement.
         */
        delete: operations["delete_measurement_v1_jobs__job_id__measurements__measurement_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/measurements.dcm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Measurement Report
         * @description Return the measurements as a DICOM structured report (TID 1500), in the study of the scan; arrows are not in it.
         *
         *     It is written at its first request after a change. 404 `not_dicom` where the scan was not DICOM, 409
         *     `no_measurements` where there is none.
         */
        get: operations["get_measurement_report_v1_jobs__job_id__measurements_dcm_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/views": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Views
         * @description Return the saved views of the model; also the guest of a share link of this job sees them.
         */
        get: operations["list_views_v1_jobs__job_id__views_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/views/{view_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Put View
         * @description Save a view under an id that the client chooses, or change the one that has the ETag in `If-Match`.
         *
         *     The same request again changes nothing. 412 where the view is another one by now. A job has at most 100 views.
         */
        put: operations["put_view_v1_jobs__job_id__views__view_id__put"];
        post?: never;
        /**
         * Delete View
         * @description Delete a saved view.
         */
        delete: operations["delete_view_v1_jobs__job_id__views__view_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/share": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Share Job
         * @description Create a link to this job that is valid for a while, at most as long as the caller's key.
         *
         *     Raises Forbidden for a caller that may not read the job itself.
         */
        post: operations["share_job_v1_jobs__job_id__share_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/shares": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Shares
         * @description Return the valid links to this job.
         */
        get: operations["list_shares_v1_jobs__job_id__shares_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/shares/{share_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End Share
         * @description Revoke a link and the sessions opened with it, at once.
         */
        delete: operations["end_share_v1_jobs__job_id__shares__share_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/model-link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Link Model
         * @description Create an address of this job's model that needs no key for ten minutes.
         *
         *     A phone's own viewer loads the model from it, such as Scene Viewer on Android. Whoever has the address can read this
         *     model until then, and no longer than the caller can.
         */
        post: operations["link_model_v1_jobs__job_id__model_link_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/linked/model.glb": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Linked Model
         * @description Return the model at an address that `model-link` made; 401 once it has expired.
         */
        get: operations["get_linked_model_v1_jobs__job_id__linked_model_glb_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Keys
         * @description Return the tenant's keys, including revoked ones.
         */
        get: operations["list_keys_v1_keys_get"];
        put?: never;
        /**
         * Create Key
         * @description Create a key in the caller's tenant, with at most the caller's scopes.
         */
        post: operations["create_key_v1_keys_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{key_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke Key
         * @description Revoke a key and the sessions opened with it, at once and for ever.
         */
        delete: operations["revoke_key_v1_keys__key_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read Trail
         * @description Return the tenant's audit records, as they are or as a FHIR Bundle of AuditEvents (IHE BALP).
         */
        get: operations["read_trail_v1_audit_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Webhooks
         * @description Return the tenant's webhooks.
         */
        get: operations["list_webhooks_v1_webhooks_get"];
        put?: never;
        /**
         * Create Webhook
         * @description Register a URL that receives a signed message for each ended job; the response has the signing secret.
         */
        post: operations["create_webhook_v1_webhooks_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{webhook_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete Webhook
         * @description Delete a webhook and its pending messages.
         */
        delete: operations["delete_webhook_v1_webhooks__webhook_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{webhook_id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Rotate Secret
         * @description Give the webhook a new secret; for a while messages have the signatures of both.
         */
        post: operations["rotate_secret_v1_webhooks__webhook_id__rotate_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{webhook_id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Deliveries
         * @description Return the latest messages and the state of their delivery.
         */
        get: operations["list_deliveries_v1_webhooks__webhook_id__deliveries_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry Delivery
         * @description Send a message again at once.
         */
        post: operations["retry_delivery_v1_webhooks__webhook_id__deliveries__delivery_id__retry_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{job_id}/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get File
         * @description Return one file of the job's result; 409 while the job runs, or where there is no such file.
         *
         *     `model.glb`, `labels.nii.gz` and `report.json` exist when the job has succeeded. Every other file is written at its
         *     first request, once: the answer waits up to ten seconds, then it is 202 with `Retry-After`.
         *
         *     `model.glb` also comes smaller: with `compression`, and with `lod` as one file with several levels of detail
         *     (MSFT_lod), which is compressed with meshopt.
         *
         *     `revision` is 1 for the algorithm's result, or one that a person made; the default is the newest finished one.
         */
        get: operations["get_file_v1_jobs__job_id___name__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * Attempt
         * @description A job that was started on a series, and its number of instances.
         */
        Attempt: {
            /** Job */
            job: string;
            /** Attempt */
            attempt: number;
            /** Instances */
            instances: number;
        };
        /**
         * Cut
         * @description A cut through the model, at a part (0 to 1) of its extent from the feet, the back or the patient's right.
         */
        Cut: {
            /**
             * Axis
             * @enum {string}
             */
            axis: "axial" | "coronal" | "sagittal";
            /** Part */
            part: number;
        };
        /**
         * Delivery
         * @description One message and the state of its delivery; `status` is the last HTTP status, `reason` why there was none.
         */
        Delivery: {
            /** Id */
            id: string;
            /** Kind */
            kind: string;
            /**
             * State
             * @enum {string}
             */
            state: "due" | "delivered" | "failed";
            /** Attempts */
            attempts: number;
            /** Due */
            due: string | null;
            /** Status */
            status: number | null;
            /** Reason */
            reason: string | null;
            /**
             * Created
             * Format: date-time
             */
            created: string;
            /** Ended */
            ended: string | null;
        };
        /**
         * DeliveryRequest
         * @description Where a result must go: a name of `GET /v1/dicom/destinations`.
         */
        DeliveryRequest: {
            /** Destination */
            destination: string;
        };
        /**
         * DeliveryView
         * @description A revision of the result of one job for one destination; `error` says why the last attempt failed.
         */
        DeliveryView: {
            /** Id */
            id: string;
            /** Job */
            job: string;
            /** Revision */
            revision: number;
            /** Destination */
            destination: string;
            /**
             * State
             * @enum {string}
             */
            state: "pending" | "sending" | "delivered" | "failed";
            /** Attempts */
            attempts: number;
            /** Error */
            error: string | null;
            /**
             * Created
             * Format: date-time
             */
            created: string;
            /** Ended */
            ended: string | null;
        };
        /**
         * DestinationList
         * @description The destinations of the tenant.
         */
        DestinationList: {
            /** Items */
            items: components["schemas"]["DestinationView"][];
        };
        /**
         * DestinationView
         * @description A system that results can be sent to; its address is the operator's matter.
         */
        DestinationView: {
            /** Name */
            name: string;
            /**
             * Protocol
             * @enum {string}
             */
            protocol: "DICOMweb" | "DIMSE";
        };
        /**
         * EarlyOutlines
         * @description The slices of a job that are finished so far, in the order in which they were.
         */
        EarlyOutlines: {
            /** Parts */
            parts: components["schemas"]["EarlyPart"][];
        };
        /**
         * EarlyPart
         * @description Finished slices of a job that runs.
         *
         *     They are `start` to `stop` (exclusive) along an axis of the label map's array: 0 slice, 1 row, 2 column, which are
         *     the third, second and first axis of the NIfTI file. `attempt` changes when the segmenter starts anew.
         */
        EarlyPart: {
            /** Attempt */
            attempt: number;
            /** Number */
            number: number;
            /** Axis */
            axis: number;
            /** Start */
            start: number;
            /** Stop */
            stop: number;
            /** Href */
            href: string;
        };
        /**
         * Entry
         * @description One audit record; `digest` covers it and the digest of the record before.
         */
        Entry: {
            /** Number */
            number: number;
            /**
             * At
             * Format: date-time
             */
            at: string;
            /** Actor */
            actor: string;
            /** Action */
            action: string;
            /** Object */
            object: string;
            /** Outcome */
            outcome: string;
            /** Digest */
            digest: string;
        };
        /**
         * Failure
         * @description Why a job failed.
         */
        Failure: {
            /** Code */
            code: string;
            /** Detail */
            detail: string;
        };
        /**
         * FileState
         * @description A file of a result that is not written yet.
         */
        FileState: {
            /** Name */
            name: string;
            /**
             * State
             * @constant
             */
            state: "waiting";
        };
        /**
         * Health
         * @description Whether the service is ready, and what is missing.
         */
        Health: {
            /** Status */
            status: string;
            /**
             * Missing
             * @default []
             */
            missing: string[];
        };
        /**
         * Job
         * @description A job; `revision` is the newest finished revision of its result, None without a result.
         *
         *     `reviewed_by` is the name of the key or the subject that chose the review state, at `reviewed_at`.
         */
        Job: {
            /** Id */
            id: string;
            /**
             * State
             * @enum {string}
             */
            state: "queued" | "running" | "succeeded" | "failed" | "cancelled";
            /** Stage */
            stage: string | null;
            /** Progress */
            progress: number;
            /** Position */
            position: number | null;
            /** Wait Seconds */
            wait_seconds: number | null;
            /** Stages */
            stages: components["schemas"]["StageStatus"][];
            /**
             * Created
             * Format: date-time
             */
            created: string;
            /** Started */
            started: string | null;
            /** Ended */
            ended: string | null;
            /**
             * Deadline
             * Format: date-time
             */
            deadline: string;
            /** Expires */
            expires: string | null;
            error: components["schemas"]["Failure"] | null;
            /** Revision */
            revision: number | null;
            /** Links */
            links: {
                [key: string]: string;
            };
            /**
             * Name
             * @default
             */
            name: string;
            /**
             * Note
             * @default
             */
            note: string;
            /**
             * Tags
             * @default []
             */
            tags: string[];
            /**
             * Review
             * @default unread
             * @enum {string}
             */
            review: "unread" | "accepted" | "needs_correction";
            /**
             * Modality
             * @default
             */
            modality: string;
            /**
             * Model
             * @default
             */
            model: string;
            /**
             * Reviewed By
             * @default
             */
            reviewed_by: string;
            /** Reviewed At */
            reviewed_at?: string | null;
            /**
             * Warnings
             * @default []
             */
            warnings: components["schemas"]["JobWarning"][];
        };
        /**
         * JobChange
         * @description What people write about a job; a member that is left out stays as it is.
         */
        JobChange: {
            /** Name */
            name?: string | null;
            /** Note */
            note?: string | null;
            /** Tags */
            tags?: string[] | null;
            /** Review */
            review?: ("unread" | "accepted" | "needs_correction") | null;
        };
        /**
         * JobPage
         * @description A page of jobs, newest first; `next` is the cursor of the page after it.
         */
        JobPage: {
            /** Items */
            items: components["schemas"]["Job"][];
            /** Next */
            next: string | null;
        };
        /**
         * JobWarning
         * @description What was unusual about a scan for the job's model before the work; the report has all warnings of the result.
         */
        JobWarning: {
            /** Code */
            code: string;
            /** Detail */
            detail: string;
        };
        /**
         * Key
         * @description An API key; `key` itself is shown only once, at its creation.
         */
        Key: {
            /** Id */
            id: string;
            /** Name */
            name: string;
            /** Prefix */
            prefix: string;
            /** Scopes */
            scopes: string[];
            /**
             * Created
             * Format: date-time
             */
            created: string;
            /** Expires */
            expires: string | null;
            /** Revoked */
            revoked: string | null;
            /** Key */
            key?: string | null;
        };
        /**
         * KeyList
         * @description The keys of a tenant, newest first.
         */
        KeyList: {
            /** Items */
            items: components["schemas"]["Key"][];
        };
        /**
         * KeyRequest
         * @description A new key: its name, its scopes and its lifetime.
         */
        KeyRequest: {
            /**
             * Name
             * @default
             */
            name: string;
            /**
             * Scopes
             * @default [
             *       "jobs:read",
             *       "jobs:write"
             *     ]
             */
            scopes: ("jobs:read" | "jobs:write" | "dicom:read" | "dicom:write" | "metrics:read" | "admin")[];
            /** Seconds */
            seconds?: number | null;
        };
        /**
         * LabelChange
         * @description The voxels that a label gained and lost.
         */
        LabelChange: {
            /** Label */
            label: number;
            /** Added */
            added: number;
            /** Removed */
            removed: number;
        };
        /**
         * Look
         * @description What a view shows. `camera` and its `target` are places in the patient, LPS mm; the head is up.
         *
         *     `opacities` has the organs that are hidden or translucent; organs that it does not have are fully shown. `apart` is
         *     how far the organs are moved apart, 0 as they lie. `plane` is that of the slice in the model, `place` the place that
         *     the slices show.
         */
        Look: {
            /** Camera */
            camera: [
                number,
                number,
                number
            ];
            /** Target */
            target: [
                number,
                number,
                number
            ];
            /**
             * Opacities
             * @default []
             */
            opacities: components["schemas"]["Opacity"][];
            /**
             * Xray
             * @default false
             */
            xray: boolean;
            /**
             * Apart
             * @default 0
             */
            apart: number;
            cut?: components["schemas"]["Cut"] | null;
            /** Plane */
            plane?: ("axial" | "coronal" | "sagittal") | null;
            /** Place */
            place?: [
                number,
                number,
                number
            ] | null;
        };
        /**
         * MeasurementList
         * @description The measurements of a job, oldest first.
         */
        MeasurementList: {
            /** Items */
            items: components["schemas"]["MeasurementView"][];
        };
        /**
         * MeasurementRequest
         * @description What was drawn: `points` in the patient, LPS mm as in DICOM, and the plane of the scan's grid nearest to `plane`.
         *
         *     The plane `surface` means points on surfaces of the model. A length has its two ends, an angle three points with its
         *     vertex second, a probe one point. An area is an ellipse: the ends of its one axis, then those of the other. A
         *     polygon, on surfaces only, has 3 to 50 corners. An arrow, on surfaces only, has the place that it points at and its
         *     other end, and a `label`. `label` is a name of at most 200 characters, on one line.
         */
        MeasurementRequest: {
            /**
             * Kind
             * @enum {string}
             */
            kind: "length" | "angle" | "area" | "probe" | "polygon" | "arrow";
            /**
             * Plane
             * @enum {string}
             */
            plane: "axial" | "coronal" | "sagittal" | "surface";
            /** Points */
            points: [
                number,
                number,
                number
            ][];
            /**
             * Label
             * @default
             */
            label: string;
        };
        /**
         * MeasurementView
         * @description A measurement as the service computed it from its points and the scan; `unit` is UCUM.
         *
         *     `value` is a length in mm, an angle in deg, an area in cm2, or the scan's value at the point; an arrow has neither
         *     value nor unit. `measured_by` is the key or subject, as in the audit trail. `etag` is what `If-Match` names to
         *     change it.
         */
        MeasurementView: {
            /**
             * Kind
             * @enum {string}
             */
            kind: "length" | "angle" | "area" | "probe" | "polygon" | "arrow";
            /**
             * Plane
             * @enum {string}
             */
            plane: "axial" | "coronal" | "sagittal" | "surface";
            /** Points */
            points: [
                number,
                number,
                number
            ][];
            /**
             * Label
             * @default
             */
            label: string;
            /** Id */
            id: string;
            /** Value */
            value: number | null;
            /** Unit */
            unit: string | null;
            statistics: components["schemas"]["Statistics"] | null;
            /** Measured By */
            measured_by: string;
            /**
             * Measured At
             * Format: date-time
             */
            measured_at: string;
            /** Etag */
            etag: string;
        };
        /**
         * ModelLink
         * @description An address of a job's `model.glb`, below that of the service, that needs no key until it expires.
         */
        ModelLink: {
            /** Path */
            path: string;
            /** Expires */
            expires: string | null;
        };
        /**
         * ModelList
         * @description The models in use.
         */
        ModelList: {
            /** Items */
            items: components["schemas"]["WorkerModel"][];
        };
        /**
         * OAuthError
         * @description Why there is no token (RFC 6749, 5.2).
         */
        OAuthError: {
            /**
             * Error
             * @enum {string}
             */
            error: "invalid_request" | "invalid_client" | "invalid_scope" | "unsupported_grant_type";
            /** Error Description */
            error_description: string;
        };
        /**
         * Offer
         * @description Whether there is an identity provider, and where its sign-in begins.
         */
        Offer: {
            /** Enabled */
            enabled: boolean;
            /** Login */
            login: string | null;
        };
        /**
         * Opacity
         * @description How an organ is shown that is not fully shown; 0 is hidden.
         */
        Opacity: {
            /** Label */
            label: number;
            /** Opacity */
            opacity: number;
        };
        /**
         * Part
         * @description One part: PUT its bytes to `url`; `done` once they have arrived.
         */
        Part: {
            /** Number */
            number: number;
            /** Url */
            url: string;
            /** Bytes */
            bytes: number;
            /** Done */
            done: boolean;
        };
        /**
         * PatientJob
         * @description A job on a study of a patient; `study_date` is YYYYMMDD, None where the study has none.
         */
        PatientJob: {
            /** Job */
            job: string;
            /** Study Date */
            study_date: string | null;
        };
        /**
         * PatientJobs
         * @description The jobs on studies of one patient, newest study first.
         */
        PatientJobs: {
            /** Items */
            items: components["schemas"]["PatientJob"][];
        };
        /**
         * Problem
         * @description An RFC 9457 problem document.
         */
        Problem: {
            /** Type */
            type: string;
            /** Title */
            title: string;
            /** Status */
            status: number;
            /** Code */
            code: string;
            /** Detail */
            detail: string;
        };
        /**
         * Revision
         * @description One revision of a result; 1 is the algorithm's, which nobody edited.
         *
         *     `edited_by` is the key or subject, as in the audit trail; `kinds` are those of the edits.
         */
        Revision: {
            /** Revision */
            revision: number;
            /**
             * State
             * @enum {string}
             */
            state: "queued" | "running" | "succeeded" | "failed";
            /** Base */
            base: number | null;
            /** Edited By */
            edited_by: string | null;
            /** Edited At */
            edited_at: string | null;
            /** Kinds */
            kinds: string[];
            /** Changed */
            changed: components["schemas"]["LabelChange"][];
            /** Ended */
            ended: string | null;
            error: components["schemas"]["RevisionFailure"] | null;
            /** Links */
            links: {
                [key: string]: string;
            };
        };
        /**
         * RevisionConflict
         * @description The problem of a correction that came second: the current revision, by whom, when, and what it changed.
         */
        RevisionConflict: {
            /** Type */
            type: string;
            /** Title */
            title: string;
            /** Status */
            status: number;
            /** Code */
            code: string;
            /** Detail */
            detail: string;
            /** Revision */
            revision: number;
            /** Etag */
            etag: string;
            /** Edited By */
            edited_by?: string | null;
            /** Edited At */
            edited_at?: string | null;
            /**
             * Kinds
             * @default []
             */
            kinds: string[];
            /**
             * Changed
             * @default []
             */
            changed: {
                [key: string]: number;
            }[];
        };
        /**
         * RevisionFailure
         * @description Why a revision failed.
         */
        RevisionFailure: {
            /** Code */
            code: string;
        };
        /**
         * RevisionList
         * @description The revisions of a job's result, oldest first.
         */
        RevisionList: {
            /** Items */
            items: components["schemas"]["Revision"][];
        };
        /**
         * Rotation
         * @description How long the old secret also signs.
         */
        Rotation: {
            /**
             * Overlap Seconds
             * @default 86400
             */
            overlap_seconds: number;
        };
        /**
         * Scan
         * @description An accepted upload.
         */
        Scan: {
            /** Id */
            id: string;
            /** Sha256 */
            sha256: string;
            /** Bytes */
            bytes: number;
            /** Format */
            format: string;
        };
        /**
         * SeriesList
         * @description Series, newest first.
         */
        SeriesList: {
            /** Items */
            items: components["schemas"]["SeriesView"][];
        };
        /**
         * SeriesView
         * @description A stored series: open, closed (a job was started), unsuited (for a reason) or result.
         */
        SeriesView: {
            /** Study */
            study: string;
            /** Series */
            series: string;
            /** Modality */
            modality: string;
            /** State */
            state: string;
            /** Reason */
            reason: string | null;
            /** Instances */
            instances: number;
            /** Attempts */
            attempts: components["schemas"]["Attempt"][];
        };
        /**
         * Session
         * @description The session's caller; `job` is the only visible job, if it came from a share link.
         */
        Session: {
            /** Tenant */
            tenant: string;
            /** Key Id */
            key_id: string;
            /** Name */
            name: string;
            /** Scopes */
            scopes: string[];
            /** Job */
            job: string | null;
            /** Expires */
            expires: string | null;
        };
        /**
         * Share
         * @description A link to one job: `token` is a read-only key for it and is shown only once.
         */
        Share: {
            /** Id */
            id: string;
            /** Token */
            token?: string | null;
            /**
             * Created
             * Format: date-time
             */
            created: string;
            /** Expires */
            expires: string | null;
        };
        /**
         * ShareList
         * @description The valid links to one job.
         */
        ShareList: {
            /** Items */
            items: components["schemas"]["Share"][];
        };
        /**
         * ShareRequest
         * @description How long the link is valid.
         */
        ShareRequest: {
            /**
             * Seconds
             * @default 86400
             */
            seconds: number;
        };
        /**
         * SignIn
         * @description An API key or a share link's token.
         */
        SignIn: {
            /** Key */
            key: string;
        };
        /**
         * SmartConfiguration
         * @description The document that SMART App Launch 2.2 requires at `.well-known/smart-configuration`.
         */
        SmartConfiguration: {
            /** Issuer */
            issuer: string;
            /** Token Endpoint */
            token_endpoint: string;
            /**
             * Grant Types Supported
             * @default [
             *       "client_credentials"
             *     ]
             */
            grant_types_supported: string[];
            /**
             * Token Endpoint Auth Methods Supported
             * @default [
             *       "private_key_jwt"
             *     ]
             */
            token_endpoint_auth_methods_supported: string[];
            /**
             * Token Endpoint Auth Signing Alg Values Supported
             * @default [
             *       "RS384",
             *       "ES384",
             *       "RS256",
             *       "ES256"
             *     ]
             */
            token_endpoint_auth_signing_alg_values_supported: string[];
            /**
             * Scopes Supported
             * @default [
             *       "jobs:read",
             *       "jobs:write",
             *       "dicom:read",
             *       "dicom:write",
             *       "metrics:read",
             *       "admin"
             *     ]
             */
            scopes_supported: string[];
            /**
             * Capabilities
             * @default [
             *       "client-confidential-asymmetric"
             *     ]
             */
            capabilities: string[];
            /**
             * Code Challenge Methods Supported
             * @default [
             *       "S256"
             *     ]
             */
            code_challenge_methods_supported: string[];
        };
        /**
         * StageStatus
         * @description One stage of a job.
         */
        StageStatus: {
            /** Name */
            name: string;
            /** State */
            state: string;
            /** Attempts */
            attempts: number;
            /** Progress */
            progress: number;
            /** Started */
            started: string | null;
            /** Ended */
            ended: string | null;
        };
        /**
         * Statistics
         * @description Of the voxels with their centres in an area, in the slice through its middle, in the scan's own numbers.
         */
        Statistics: {
            /** Mean */
            mean: number;
            /** Deviation */
            deviation: number;
            /** Least */
            least: number;
            /** Most */
            most: number;
            /** Voxels */
            voxels: number;
        };
        /**
         * Token
         * @description An access token with its scopes and its lifetime in seconds.
         */
        Token: {
            /** Access Token */
            access_token: string;
            /**
             * Token Type
             * @default bearer
             * @constant
             */
            token_type: "bearer";
            /**
             * Expires In
             * @default 300
             */
            expires_in: number;
            /** Scope */
            scope: string;
        };
        /**
         * Trail
         * @description A page of the trail, oldest first; pass `next` as `after` to get the page after it.
         */
        Trail: {
            /** Items */
            items: components["schemas"]["Entry"][];
            /** Next */
            next: number | null;
        };
        /**
         * Upload
         * @description An upload in parts, and which parts have arrived.
         */
        Upload: {
            /** Upload */
            upload: string;
            /** Bytes */
            bytes: number;
            /** Part Bytes */
            part_bytes: number;
            /**
             * Expires
             * Format: date-time
             */
            expires: string;
            /** Parts */
            parts: components["schemas"]["Part"][];
        };
        /**
         * ViewList
         * @description The views of a job, oldest first.
         */
        ViewList: {
            /** Items */
            items: components["schemas"]["ViewOfModel"][];
        };
        /**
         * ViewOfModel
         * @description A saved view. `saved_by` is the key or subject, as in the audit trail; `etag` is what `If-Match` names.
         */
        ViewOfModel: {
            /** Name */
            name: string;
            look: components["schemas"]["Look"];
            /** Id */
            id: string;
            /** Saved By */
            saved_by: string;
            /**
             * Saved At
             * Format: date-time
             */
            saved_at: string;
            /** Etag */
            etag: string;
        };
        /**
         * ViewRequest
         * @description A view and its name of 1 to 100 characters, on one line.
         */
        ViewRequest: {
            /** Name */
            name: string;
            look: components["schemas"]["Look"];
        };
        /**
         * Webhook
         * @description A webhook; `secret` is shown only at its creation.
         */
        Webhook: {
            /** Id */
            id: string;
            /** Url */
            url: string;
            /** Kinds */
            kinds: string[];
            /**
             * Created
             * Format: date-time
             */
            created: string;
            /** Secret */
            secret?: string | null;
        };
        /**
         * WebhookList
         * @description The webhooks of a tenant.
         */
        WebhookList: {
            /** Items */
            items: components["schemas"]["Webhook"][];
        };
        /**
         * WebhookRequest
         * @description The URL and the event kinds.
         */
        WebhookRequest: {
            /** Url */
            url: string;
            /**
             * Kinds
             * @default [
             *       "job.succeeded",
             *       "job.failed",
             *       "job.cancelled"
             *     ]
             */
            kinds: ("job.succeeded" | "job.failed" | "job.cancelled")[];
        };
        /**
         * WorkerModel
         * @description A model of a live worker.
         */
        WorkerModel: {
            /** Stage */
            stage: string;
            /** Name */
            name: string;
            /** Version */
            version: string;
            /** Sha256 */
            sha256: string;
            /** Provider */
            provider: string;
            /** Device */
            device: string;
            /** Licence */
            licence: string;
            /** Card */
            card: {
                [key: string]: unknown;
            };
        };
        /**
         * DeliveryList
         * @description Deliveries, newest first.
         */
        services__api__dicomweb__deliveries__DeliveryList: {
            /** Items */
            items: components["schemas"]["DeliveryView"][];
        };
        /**
         * DeliveryList
         * @description The latest messages to a webhook, newest first.
         */
        services__api__routes__webhooks__DeliveryList: {
            /** Items */
            items: components["schemas"]["Delivery"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    list_series_v1_dicom_series_get: {
        parameters: {
            query?: {
                series?: string | null;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SeriesList"];
                };
            };
        };
    };
    close_v1_dicom_series__series__close_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                series: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SeriesView"];
                };
            };
        };
    };
    list_jobs_of_same_patient_v1_dicom_jobs__job_id__same_patient_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PatientJobs"];
                };
            };
        };
    };
    list_destinations_v1_dicom_destinations_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DestinationList"];
                };
            };
        };
    };
    send_v1_jobs__job_id__deliveries_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeliveryRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryView"];
                };
            };
        };
    };
    list_deliveries_v1_dicom_deliveries_get: {
        parameters: {
            query?: {
                job?: string | null;
                state?: ("pending" | "sending" | "delivered" | "failed") | null;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["services__api__dicomweb__deliveries__DeliveryList"];
                };
            };
        };
    };
    retry_v1_dicom_deliveries__delivery_id__retry_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                delivery_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryView"];
                };
            };
        };
    };
    export_v1_dicom_studies__study__deidentified_zip_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A zip of DICOM files. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/zip": unknown;
                };
            };
        };
    };
    erase_v1_dicom_studies__study__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A zip of DICOM files. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/zip": unknown;
                };
            };
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    livez_livez_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    readyz_readyz_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    list_models_v1_models_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelList"];
                };
            };
        };
    };
    get_session_v1_session_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
        };
    };
    sign_in_v1_session_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignIn"];
            };
        };
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    sign_out_v1_session_delete: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    offer_v1_session_oidc_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Offer"];
                };
            };
        };
    };
    login_v1_session_oidc_login_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description On to the next page. */
            307: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    callback_v1_session_oidc_callback_get: {
        parameters: {
            query?: {
                code?: string;
                state?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description On to the next page. */
            307: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    give_token_v1_oauth_token_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/x-www-form-urlencoded": {
                    grant_type?: string;
                    scope?: string;
                    client_assertion_type?: string;
                    client_assertion?: string;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
        };
    };
    list_jobs_v1_jobs_get: {
        parameters: {
            query?: {
                state?: ("queued" | "running" | "succeeded" | "failed" | "cancelled") | null;
                cursor?: string | null;
                limit?: number;
                created_after?: string | null;
                created_before?: string | null;
                q?: string;
                modality?: ("MR" | "CT") | null;
                model?: string | null;
                review?: ("unread" | "accepted" | "needs_correction") | null;
                warning?: string | null;
                tag?: string[] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobPage"];
                };
            };
        };
    };
    create_job_v1_jobs_post: {
        parameters: {
            query?: {
                quality?: "light" | "standard" | "fine";
                spacing?: string | null;
                modality?: ("MR" | "CT") | null;
                coverage?: boolean;
                deadline?: number | null;
                model?: string | null;
                filename?: string | null;
            };
            header?: {
                "idempotency-key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": Blob;
                "application/zip": Blob;
                "application/x-zip-compressed": Blob;
                "application/dicom": Blob;
                "application/gzip": Blob;
                "application/json": {
                    /** Scan */
                    scan: string;
                    /**
                     * Options
                     * @description Options of a job.
                     *
                     *     `spacing` is (slice, row, column) in mm, for PNG stacks. `modality` is that of a scan whose files do not say it.
                     *     `coverage` is whether slices beyond the part that the model card covers are left out. `deadline` is the longest
                     *     duration of the job in seconds, including its wait, where it is less than the service's limit. `model` is the
                     *     segmenter, NAME or NAME@VERSION as `/v1/models` lists them; by default that of the scan's modality.
                     */
                    options?: {
                        /**
                         * Quality
                         * @default standard
                         * @enum {string}
                         */
                        quality?: "light" | "standard" | "fine";
                        /** Spacing */
                        spacing?: [
                            number,
                            number,
                            number
                        ] | null;
                        /** Modality */
                        modality?: ("MR" | "CT") | null;
                        /**
                         * Coverage
                         * @default true
                         */
                        coverage?: boolean;
                        /** Deadline */
                        deadline?: number | null;
                        /** Model */
                        model?: string | null;
                    };
                };
            };
        };
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    get_job_v1_jobs__job_id__get: {
        parameters: {
            query?: {
                wait?: number;
            };
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    delete_job_v1_jobs__job_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    change_job_v1_jobs__job_id__patch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobChange"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    cancel_job_v1_jobs__job_id__cancel_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    upload_scan_v1_scans_post: {
        parameters: {
            query?: {
                spacing?: string | null;
                modality?: ("MR" | "CT") | null;
                upload?: "raw" | "direct";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": Blob;
                "application/zip": Blob;
                "application/x-zip-compressed": Blob;
                "application/dicom": Blob;
                "application/gzip": Blob;
                "application/json": {
                    /** Bytes */
                    bytes: number;
                    /** Sha256 */
                    sha256?: string | null;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Scan"] | components["schemas"]["Upload"];
                };
            };
        };
    };
    get_upload_v1_uploads__upload_id__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                upload_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
        };
    };
    abort_upload_v1_uploads__upload_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                upload_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    put_part_v1_uploads__upload_id__parts__number__put: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                upload_id: string;
                number: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": Blob;
                "application/zip": Blob;
                "application/x-zip-compressed": Blob;
                "application/dicom": Blob;
                "application/gzip": Blob;
            };
        };
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    complete_upload_v1_uploads__upload_id__complete_post: {
        parameters: {
            query?: {
                spacing?: string | null;
                modality?: ("MR" | "CT") | null;
            };
            header?: never;
            path: {
                upload_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Scan"];
                };
            };
        };
    };
    follow_job_v1_jobs__job_id__events_get: {
        parameters: {
            query?: {
                early?: boolean;
            };
            header?: {
                "last-event-id"?: string;
            };
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": unknown;
                };
            };
            /** @description The job has ended and the client has seen its end. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_early_v1_jobs__job_id__early_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EarlyOutlines"];
                };
            };
        };
    };
    get_early_v1_jobs__job_id__early__number__nii_gz_get: {
        parameters: {
            query?: {
                /** @description The part's own; numbers begin again with each. */
                attempt?: number | null;
            };
            header?: never;
            path: {
                job_id: string;
                number: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The labels. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/gzip": unknown;
                };
            };
            /** @description The part is not there, or no longer: the label map is complete, or a new attempt began. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    get_slice_v1_jobs__job_id__slices__number__png_get: {
        parameters: {
            query?: {
                overlay?: boolean;
                center?: number | null;
                width?: number | null;
                revision?: number | null;
            };
            header?: never;
            path: {
                job_id: string;
                number: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The slice. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/png": unknown;
                };
            };
        };
    };
    get_volume_v1_jobs__job_id__volume_nii_gz_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/gzip": unknown;
                };
            };
        };
    };
    get_report_v1_jobs__job_id__report_pdf_get: {
        parameters: {
            query?: {
                lang?: ("en" | "de") | null;
                revision?: number | null;
            };
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The report. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/pdf": unknown;
                };
            };
            /** @description Its pictures are still being drawn: request it again. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileState"];
                };
            };
            /** @description The report that the client has is still right. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    get_labels_v1_jobs__job_id__labels_nii_gz_get: {
        parameters: {
            query?: {
                revision?: number | null;
            };
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/dicom": unknown;
                    "application/gzip": unknown;
                    "application/json": unknown;
                    "application/pdf": unknown;
                    "application/zip": unknown;
                    "image/png": unknown;
                    "model/3mf": unknown;
                    "model/gltf-binary": unknown;
                    "model/stl": unknown;
                    "model/vnd.usdz+zip": unknown;
                };
            };
            /** @description The file is still being written: request it again. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileState"];
                };
            };
            /** @description The part that Range asked for. */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The file the client has is still right. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    put_labels_v1_jobs__job_id__labels_nii_gz_put: {
        parameters: {
            query?: never;
            header?: {
                "if-match"?: string | null;
            };
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": Blob;
                "application/zip": Blob;
                "application/x-zip-compressed": Blob;
                "application/dicom": Blob;
                "application/gzip": Blob;
            };
        };
        responses: {
            /** @description The job; `revision` is the one that was made. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    patch_labels_v1_jobs__job_id__labels_nii_gz_patch: {
        parameters: {
            query?: never;
            header?: {
                "if-match"?: string | null;
            };
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** Edits */
                    edits: ({
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "relabel";
                        /** At */
                        at: [
                            number,
                            number,
                            number
                        ];
                        /** Label */
                        label: number;
                        /**
                         * In Slice
                         * @default false
                         */
                        in_slice?: boolean;
                    } | {
                        /** Slices */
                        slices?: [
                            number,
                            number
                        ] | null;
                        /**
                         * Axis
                         * @default slice
                         * @enum {string}
                         */
                        axis?: "column" | "row" | "slice";
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "fill";
                        /** Label */
                        label: number;
                        /**
                         * In Slices
                         * @default false
                         */
                        in_slices?: boolean;
                    } | {
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "erase";
                        /** Label */
                        label: number;
                        /** Slices */
                        slices?: [
                            number,
                            number
                        ] | null;
                    } | {
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "paint";
                        /** Label */
                        label: number;
                        /** Runs */
                        runs: [
                            number,
                            number
                        ][];
                    } | {
                        /** Slices */
                        slices?: [
                            number,
                            number
                        ] | null;
                        /**
                         * Axis
                         * @default slice
                         * @enum {string}
                         */
                        axis?: "column" | "row" | "slice";
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "smooth";
                        /** Label */
                        label: number;
                        /** Mm */
                        mm: number;
                    } | {
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "islands";
                        /** Label */
                        label: number;
                        /** Below Ml */
                        below_ml: number;
                    } | {
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "interpolate";
                        /** Label */
                        label: number;
                        /** At */
                        at: [
                            number,
                            number,
                            number
                        ][];
                        /**
                         * Axis
                         * @default slice
                         * @enum {string}
                         */
                        axis?: "column" | "row" | "slice";
                    })[];
                };
            };
        };
        responses: {
            /** @description The job; `revision` is the one that was made. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    preview_labels_v1_jobs__job_id__labels_preview_post: {
        parameters: {
            query?: never;
            header?: {
                "if-match"?: string | null;
            };
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** Edits */
                    edits: ({
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "relabel";
                        /** At */
                        at: [
                            number,
                            number,
                            number
                        ];
                        /** Label */
                        label: number;
                        /**
                         * In Slice
                         * @default false
                         */
                        in_slice?: boolean;
                    } | {
                        /** Slices */
                        slices?: [
                            number,
                            number
                        ] | null;
                        /**
                         * Axis
                         * @default slice
                         * @enum {string}
                         */
                        axis?: "column" | "row" | "slice";
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "fill";
                        /** Label */
                        label: number;
                        /**
                         * In Slices
                         * @default false
                         */
                        in_slices?: boolean;
                    } | {
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "erase";
                        /** Label */
                        label: number;
                        /** Slices */
                        slices?: [
                            number,
                            number
                        ] | null;
                    } | {
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "paint";
                        /** Label */
                        label: number;
                        /** Runs */
                        runs: [
                            number,
                            number
                        ][];
                    } | {
                        /** Slices */
                        slices?: [
                            number,
                            number
                        ] | null;
                        /**
                         * Axis
                         * @default slice
                         * @enum {string}
                         */
                        axis?: "column" | "row" | "slice";
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "smooth";
                        /** Label */
                        label: number;
                        /** Mm */
                        mm: number;
                    } | {
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "islands";
                        /** Label */
                        label: number;
                        /** Below Ml */
                        below_ml: number;
                    } | {
                        /**
                         * Kind
                         * @constant
                         */
                        kind: "interpolate";
                        /** Label */
                        label: number;
                        /** At */
                        at: [
                            number,
                            number,
                            number
                        ][];
                        /**
                         * Axis
                         * @default slice
                         * @enum {string}
                         */
                        axis?: "column" | "row" | "slice";
                    })[];
                };
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/gzip": Blob;
                };
            };
        };
    };
    list_revisions_v1_jobs__job_id__revisions_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevisionList"];
                };
            };
        };
    };
    list_measurements_v1_jobs__job_id__measurements_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeasurementList"];
                };
            };
        };
    };
    put_measurement_v1_jobs__job_id__measurements__measurement_id__put: {
        parameters: {
            query?: never;
            header?: {
                "if-match"?: string | null;
            };
            path: {
                job_id: string;
                measurement_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MeasurementRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeasurementView"];
                };
            };
        };
    };
    delete_measurement_v1_jobs__job_id__measurements__measurement_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
                measurement_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    get_measurement_report_v1_jobs__job_id__measurements_dcm_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/dicom": unknown;
                    "application/gzip": unknown;
                    "application/json": unknown;
                    "application/pdf": unknown;
                    "application/zip": unknown;
                    "image/png": unknown;
                    "model/3mf": unknown;
                    "model/gltf-binary": unknown;
                    "model/stl": unknown;
                    "model/vnd.usdz+zip": unknown;
                };
            };
            /** @description The file is still being written: request it again. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileState"];
                };
            };
            /** @description The part that Range asked for. */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The file the client has is still right. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_views_v1_jobs__job_id__views_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ViewList"];
                };
            };
        };
    };
    put_view_v1_jobs__job_id__views__view_id__put: {
        parameters: {
            query?: never;
            header?: {
                "if-match"?: string | null;
            };
            path: {
                job_id: string;
                view_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ViewRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ViewOfModel"];
                };
            };
        };
    };
    delete_view_v1_jobs__job_id__views__view_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
                view_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    share_job_v1_jobs__job_id__share_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ShareRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Share"];
                };
            };
        };
    };
    list_shares_v1_jobs__job_id__shares_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ShareList"];
                };
            };
        };
    };
    end_share_v1_jobs__job_id__shares__share_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
                share_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    link_model_v1_jobs__job_id__model_link_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelLink"];
                };
            };
        };
    };
    get_linked_model_v1_jobs__job_id__linked_model_glb_get: {
        parameters: {
            query?: {
                ticket?: string;
            };
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/dicom": unknown;
                    "application/gzip": unknown;
                    "application/json": unknown;
                    "application/pdf": unknown;
                    "application/zip": unknown;
                    "image/png": unknown;
                    "model/3mf": unknown;
                    "model/gltf-binary": unknown;
                    "model/stl": unknown;
                    "model/vnd.usdz+zip": unknown;
                };
            };
            /** @description The file is still being written: request it again. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileState"];
                };
            };
            /** @description The part that Range asked for. */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The file the client has is still right. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_keys_v1_keys_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyList"];
                };
            };
        };
    };
    create_key_v1_keys_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["KeyRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Key"];
                };
            };
        };
    };
    revoke_key_v1_keys__key_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    read_trail_v1_audit_get: {
        parameters: {
            query?: {
                after?: number;
                limit?: number;
                format?: "json" | "fhir";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trail"];
                    "application/fhir+json": unknown;
                };
            };
        };
    };
    list_webhooks_v1_webhooks_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookList"];
                };
            };
        };
    };
    create_webhook_v1_webhooks_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
        };
    };
    delete_webhook_v1_webhooks__webhook_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                webhook_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    rotate_secret_v1_webhooks__webhook_id__rotate_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                webhook_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Rotation"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
        };
    };
    list_deliveries_v1_webhooks__webhook_id__deliveries_get: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path: {
                webhook_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["services__api__routes__webhooks__DeliveryList"];
                };
            };
        };
    };
    retry_delivery_v1_webhooks__webhook_id__deliveries__delivery_id__retry_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                webhook_id: string;
                delivery_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    get_file_v1_jobs__job_id___name__get: {
        parameters: {
            query?: {
                compression?: "none" | "quantized" | "meshopt";
                lod?: boolean;
                revision?: number | null;
            };
            header?: never;
            path: {
                job_id: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/dicom": unknown;
                    "application/gzip": unknown;
                    "application/json": unknown;
                    "application/pdf": unknown;
                    "application/zip": unknown;
                    "image/png": unknown;
                    "model/3mf": unknown;
                    "model/gltf-binary": unknown;
                    "model/stl": unknown;
                    "model/vnd.usdz+zip": unknown;
                };
            };
            /** @description The file is still being written: request it again. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileState"];
                };
            };
            /** @description The part that Range asked for. */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The file the client has is still right. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
