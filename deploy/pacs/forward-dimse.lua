-- Forwards every stable MR or CT series to Viscera by C-STORE; what Viscera sends back (SEG, SR, RTSTRUCT, M3D) stays here.
function OnStableSeries(seriesId, tags, metadata)
  if tags['Modality'] == 'MR' or tags['Modality'] == 'CT' then
    local request = { Resources = { seriesId }, Synchronous = false }
    RestApiPost('/modalities/viscera/store', DumpJson(request))
  end
end
