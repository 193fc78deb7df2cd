"""Every stable error code, its HTTP status and its meaning: the source of docs/errors.md.

`python -m services.api.codes > docs/errors.md` writes the page; a test compares it with the code.
"""

from __future__ import annotations

REQUEST = {
    "unauthorized": (401, "No valid key, token or session came with the request."),
    "forbidden": (403, "The key is known, but not for this."),
    "insufficient_scope": (403, "The key lacks the scope that the sentence names."),
    "cross_site": (403, "A session was used by another site's page."),
    "not_found": (404, "There is no such thing, or it belongs to somebody else."),
    "method_not_allowed": (405, "The resource has other methods; `Allow` lists them."),
    "bad_request": (400, "The request is not understood."),
    "bad_cursor": (400, "The cursor is not one that this service gave."),
    "bad_json": (400, "The JSON body is longer than 64 KiB."),
    "bad_multipart": (400, "The multipart body is not well formed."),
    "several_files": (400, "MONAI Label's client sent several files; send one volume."),
    "bad_query": (400, "A parameter of a DICOMweb search or retrieval is not one."),
    "not_an_image": (400, "The DICOM instance has no pixels to draw."),
    "bad_workitem": (400, "The body is not one data set that such a workitem may have; 422 where a value is missing."),
    "bad_digest": (400, "The Content-Digest header is damaged."),
    "bad_state": (400, "The sign-in at the identity provider did not begin here."),
    "content_encoding": (400, "The body came compressed as a whole; send the scan itself."),
    "incomplete_body": (400, "The upload ended before its end."),
    "http_error": (400, "The HTTP request itself is damaged."),
    "not_dicom": (404, "The job's scan was not DICOM, so it has no results as DICOM."),
    "conflict": (409, "The thing is not in a state that allows this."),
    "not_ready": (409, "The file is not made yet; look again when the job has gone on."),
    "job_succeeded": (409, "The job had already ended with success."),
    "job_failed": (409, "The job ended as failed; its `error` says why."),
    "job_cancelled": (409, "The job was cancelled."),
    "file_failed": (409, "The file could not be written, three times; after an hour a request tries again."),
    "revision_failed": (409, "The revision could not be written, three times; the job and its other revisions stay."),
    "no_organs": (409, "No organ was found, so there is nothing to write into such a file."),
    "no_measurements": (409, "Nobody measured anything on the job's scan."),
    "no_training": (409, "The service does not train models."),
    "series_not_open": (409, "The DICOM series takes no more instances."),
    "delivery_state": (409, "The delivery was made or is under way."),
    "workitem_exists": (409, "There is a workitem with this UID already."),
    "workitem_changed": (409, "Somebody else changed the workitem meanwhile; look again."),
    "workitem_state": (409, "The workitem's state does not allow this."),
    "workitem_holder": (409, "The Transaction UID is not the one that holds the workitem."),
    "workitem_incomplete": (409, "A workitem is completed once it says what was performed."),
    "workitem_is_job": (409, "The workitem is a job of this service, which performs it itself."),
    "parts_missing": (409, "The upload is not complete; GET it to see which parts are missing."),
    "precondition_failed": (412, "The thing has changed since it was read."),
    "revision_changed": (
        412,
        "Another revision is newer than the label map that was corrected; the members say which.",
    ),
    "measurement_changed": (412, "The measurement is another one than `If-Match` names."),
    "view_changed": (412, "The view is another one than `If-Match` names."),
    "upload_too_large": (413, "The upload has more bytes than this installation accepts."),
    "unsupported_media_type": (415, "The Content-Type is none in which a scan is sent."),
    "bad_range": (416, "The range lies outside the file."),
    "unprocessable": (422, "The request is understood but can't be carried out."),
    "invalid_request": (422, "A parameter or a member of the JSON body is not valid; the sentence names it."),
    "idempotency_mismatch": (422, "The Idempotency-Key was used for another request."),
    "digest_mismatch": (422, "The bytes are not those whose SHA-256 was announced."),
    "wrong_part": (422, "A part of an upload has another size than was agreed."),
    "bad_webhook_url": (422, "The URL is not one that a webhook may be sent to."),
    "burned_in_annotation": (422, "Names may be burned into the pixels, so the study is not exported."),
    "unknown_model": (422, "No model here has the name that the job asks for; the sentence lists those there are."),
    "unknown_scope": (422, "There is no scope of this name."),
    "wrong_grid": (422, "The corrected label map is on another grid than the job's."),
    "unknown_labels": (422, "The corrected label map has ids that the job's label set lacks."),
    "bad_labels": (422, "The corrected label map is not one NIfTI or NRRD image with whole numbers from 0 to 255."),
    "unsupported_labels": (422, "MONAI Label's client asks for a format, or sends scribbles, that are not used here."),
    "bad_measurement": (422, "The points make no such shape, or are outside the scan, or an arrow has no text."),
    "bad_edit": (422, "An edit does not fit the label map; the sentence says which and why."),
    "precondition_required": (428, "The request must say which state of the thing it is for."),
    "if_match_required": (428, "`If-Match` must name the ETag of the label map that was corrected."),
    "too_many": (429, "Too many requests or jobs."),
    "rate_limited": (429, "The tenant's requests a minute are used up; `Retry-After` says when to go on."),
    "too_many_uploads": (429, "The tenant sends too many uploads at once, or has too many unfinished ones in parts."),
    "quota_jobs": (429, "Too many of the tenant's jobs wait or run."),
    "quota_webhooks": (429, "The tenant has as many webhooks as it may have."),
    "quota_measurements": (429, "The job has as many measurements as it may have."),
    "quota_views": (429, "The job has as many views as it may have."),
    "queue_full": (429, "Too many jobs of everybody wait."),
    "internal_error": (500, "Something went wrong inside; it has been logged."),
    "unavailable": (503, "Something that the service needs can't be reached; nothing was accepted."),
    "ledger_unavailable": (503, "The job ledger can't be reached; nothing was accepted."),
    "store_unavailable": (503, "The file store can't be reached or written; nothing was accepted."),
    "issuer_unavailable": (503, "The identity provider can't be reached."),
    "memory_limit": (503, "The memory limit of the process is too low to read a scan."),
    "busy": (503, "The machine is too busy to check the scan; try again."),
    "disk_full": (503, "There is too little disk space; nothing was accepted."),
}
SCAN = {
    "bad_scan": (422, "The scan can't be used as it is."),
    "empty_body": (422, "The body is empty."),
    "not_a_scan": (422, "No DICOM, NIfTI, NRRD, MGH or PNG image is in it."),
    "mixed_series": (422, "It holds more than one series."),
    "bad_geometry": (422, "Tilted, uneven or incomplete slices, or geometry that can't be."),
    "too_few_slices": (422, "A surface needs at least two slices."),
    "missing_spacing": (422, "The size of a pixel is not known."),
    "corrupt_scan": (422, "Truncated or damaged data."),
    "decoder_crashed": (422, "The decoder did not survive the data."),
    "scan_too_slow": (422, "The data kept the decoder busy beyond its time."),
    "wrong_channels": (422, "The scan has another number of images than the model reads; the sentence names both."),
    "unsupported_scan": (422, "A kind of image or a compression that is not read."),
    "no_such_frame": (422, "The image has fewer frames."),
    "scan_too_large": (413, "More files, bytes or voxels than allowed."),
}
JOB = {
    "worker_lost": "Its worker was lost three times.",
    "timeout": "It did not end before its deadline.",
    "bad_model": "A model or its card is missing, damaged or not what it says.",
    "model_removed": "The model that the job asks for was removed before its turn.",
    "out_of_memory": "A stage needed more memory than a worker may have, three times.",
    "internal_error": "A stage failed three times for a reason that has been logged.",
}
COMMAND_LINE = {
    "unreachable": "The server can't be reached.",
    "damaged_download": "A file arrived with other bytes than the server has; nothing was written.",
    "embedded_system": "The embedded system can't start or stopped working.",
    "no_ledger": "There is no ledger in the folder.",
    "no_store": "There is no file store in the folder.",
    "incomplete": "Not everything could be rebuilt; the lines above say what is missing.",
    "audit_broken": "The audit trail is not what was written.",
    "bad_destinations": "The file of DICOM destinations is missing or not valid.",
    "bad_model_rules": "The file of rules that choose a model is missing or not valid.",
    "bad_roll_out": "The roll-out can't begin as asked; the sentence says why.",
    "bad_dimse_clients": "The file of AE titles that may call is missing or not valid, or a network needs one.",
    "bad_ae_title": "An AE title has 1 to 16 characters and no backslash.",
    "not_delivered": "A destination did not confirm every instance; the delivery's reason says more.",
    "tls": "A certificate was given without its key, or a key without its certificate.",
    "web_bundle": "The web application can't be built.",
    "not_well": "`viscera doctor` found something wrong.",
    "weak_key": "`VISCERA_KEY` or `VISCERA_METRICS_KEY` is short, repeats few characters, or has a wrong checksum.",
    "bad_setting": "A setting has a value that can't be used; a worker refuses to start.",
    "bad_list": "A list of scans has no column `scan`, or names a file that does not exist.",
    "batch_incomplete": "At least one of several scans has no result; the table says which and why.",
    "usage": "The command lacks something; the sentence says what.",
}


def page() -> str:
    """Return docs/errors.md."""
    lines = [
        "# Error codes",
        "",
        "Made by `python -m services.api.codes`. Errors are `application/problem+json` (RFC 9457): `code` is stable,",
        "for programs; `detail` is one sentence for people and may change. A problem holds nothing of the inside:",
        "no path, no trace, nothing of the scan's personal data. 429 and 503 carry `Retry-After`.",
        "",
    ]
    for title, table in (("Requests", REQUEST), ("Scans", SCAN)):
        rows = [f"| `{code}` | {status} | {meaning} |" for code, (status, meaning) in table.items()]
        lines += [f"## {title}", "", "| code | status | meaning |", "|---|---|---|", *rows, ""]
    lines += ["What only full decoding shows ends the job as `failed` with the scan's code.", ""]
    for title, plain in (("Jobs that failed", JOB), ("The command line", COMMAND_LINE)):
        rows = [f"| `{code}` | {meaning} |" for code, meaning in plain.items()]
        lines += [f"## {title}", "", "| code | meaning |", "|---|---|", *rows, ""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page itself
