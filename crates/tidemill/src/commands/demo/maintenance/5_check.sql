CREATE OR REPLACE CHECK maintenance_due EVERY '1m' OFFSET '15s' CATCH UP 10
COMMENT 'tells of motors that need maintenance' AS
SELECT asset_id, health_index, estimated_rul FROM rul_estimates
WHERE time > $window_start AND time <= $window_stop
LEVEL crit WHEN estimated_rul <= 15 UNTIL estimated_rul > 20, warn WHEN estimated_rul <= 30 UNTIL estimated_rul > 35
HYSTERESIS '2m' SILENT AFTER '15m' AS warn FORGET AFTER '7d'
MESSAGE '{{ asset_id }}: {% if reason == "silence" %}no estimate for 15 minutes{% else %}{{ estimated_rul }} hours left, health {{ health_index | round(2) }}{% endif %}'
