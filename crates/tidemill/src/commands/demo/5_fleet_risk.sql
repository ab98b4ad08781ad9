-- 5. How healthy is the fleet? (vibration between its first day here and 1.5 g; 1 is as new)
WITH level AS (
  SELECT asset_id,
         rms(vibration_g) FILTER (WHERE time < now() - INTERVAL '6 days') AS first_day_g,
         rms(vibration_g) FILTER (WHERE time > now() - INTERVAL '1 hour') AS now_g
  FROM sensor_data WHERE operating_state = 'RUNNING' GROUP BY asset_id
)
SELECT asset_id, round(now_g, 3) AS now_g, round(health_index(now_g, first_day_g, 1.5), 2) AS health,
       risk_level(100 * health_index(now_g, first_day_g, 1.5)) AS risk
FROM level WHERE now_g IS NOT NULL ORDER BY health, asset_id LIMIT 5;
