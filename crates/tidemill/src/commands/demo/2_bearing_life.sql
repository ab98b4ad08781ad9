-- 2. Which bearings wear out, and when do they reach 1.5 g? (exponential trend of the rms)
WITH quarters AS (
  SELECT asset_id, date_bin(INTERVAL '15 minutes', time) AS quarter, ln(rms(vibration_g)) AS level
  FROM sensor_data
  WHERE time > now() - INTERVAL '1 day' AND operating_state = 'RUNNING'
  GROUP BY asset_id, quarter
), trend AS (
  SELECT asset_id, regr_slope(level, extract(epoch FROM quarter) / 3600) AS growth,
         regr_r2(level, extract(epoch FROM quarter) / 3600) AS fit,
         avg(level) FILTER (WHERE quarter > now() - INTERVAL '1 hour') AS level
  FROM quarters GROUP BY asset_id
)
SELECT asset_id, round(exp(level), 2) AS rms_g, round(fit, 2) AS fit,
       round((ln(1.5) - level) / growth, 1) AS hours_left,
       date_trunc('minute', to_timestamp(extract(epoch FROM now()) + 3600 * (ln(1.5) - level) / growth)) AS at
FROM trend WHERE fit > 0.8 AND growth > 0.005 ORDER BY hours_left;
