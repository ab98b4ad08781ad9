-- 2. Which bearings wear out, and when do they reach 1.5 g? (exponential trend of hourly rms)
WITH hourly AS (
  SELECT asset_id, date_bin(INTERVAL '1 hour', time) AS hour, ln(rms(vibration_g)) AS level
  FROM sensor_data
  WHERE time > now() - INTERVAL '2 days' AND operating_state = 'RUNNING'
  GROUP BY asset_id, hour
), trend AS (
  SELECT asset_id, regr_slope(level, extract(epoch FROM hour) / 3600) AS growth,
         regr_r2(level, extract(epoch FROM hour) / 3600) AS fit,
         last_value(level ORDER BY hour) AS level
  FROM hourly GROUP BY asset_id
)
SELECT asset_id, round(fit, 3) AS fit, round((ln(1.5) - level) / growth, 1) AS hours_left
FROM trend WHERE fit > 0.8 AND growth > 0.005 ORDER BY hours_left;
