CREATE OR REPLACE TASK estimate_rul EVERY '1m' OFFSET '5s' CATCH UP 10
COMMENT 'health between the vibration and voltage of a new motor and of a worn one, over the last 10 minutes' AS
INSERT INTO rul_estimates TAGS (asset_id)
SELECT asset_id, health_index, rul_from_health_index(health_index) AS estimated_rul
FROM (
  SELECT asset_id, health_index(rms(vibration_g), 0.2, 1.5, avg(voltage_stability(voltage_v)), 3, 30) AS health_index
  FROM sensor_data
  WHERE time >= $window_stop - INTERVAL '10 minutes' AND time < $window_stop AND operating_state = 'RUNNING'
  GROUP BY asset_id
) AS fleet
WHERE health_index IS NOT NULL
