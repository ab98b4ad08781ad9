-- 1. Which motors vibrate most right now?
SELECT asset_id, round(rms(vibration_g), 3) AS rms_g, round(crest_factor(vibration_g), 1) AS crest,
       round(kurtosis(vibration_g), 1) AS kurtosis
FROM sensor_data
WHERE time > now() - INTERVAL '1 hour' AND operating_state = 'RUNNING'
GROUP BY asset_id ORDER BY rms_g DESC LIMIT 5;
