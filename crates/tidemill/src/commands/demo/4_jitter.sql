-- 4. Whose signal is noisy although its mean is healthy? (scatter within seconds, against the fleet)
WITH scatter AS (
  SELECT asset_id, avg(vibration_g) AS mean_g, stddev_pop(vibration_g) AS std_g
  FROM sensor_data
  WHERE time > now() - INTERVAL '30 minutes' AND operating_state = 'RUNNING'
  GROUP BY asset_id
)
SELECT asset_id, round(mean_g, 3) AS mean_g, round(std_g / median(std_g) OVER (), 1) AS times_usual
FROM scatter ORDER BY times_usual DESC LIMIT 5;
