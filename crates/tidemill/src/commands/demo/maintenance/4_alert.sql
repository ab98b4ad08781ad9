CREATE OR REPLACE TASK raise_maintenance_alerts EVERY '1m' OFFSET '10s' CATCH UP 10
COMMENT 'motors with 30 hours left, or fewer' AS
INSERT INTO maintenance_alerts TAGS (asset_id, severity)
SELECT time, asset_id, CASE WHEN estimated_rul <= 15 THEN 'critical' ELSE 'warning' END AS severity,
       health_index, estimated_rul
FROM rul_estimates
WHERE time > $window_start AND time <= $window_stop AND estimated_rul <= 30
