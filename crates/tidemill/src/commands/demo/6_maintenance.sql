-- 6. What needs maintenance? (estimated by tasks every minute; SHOW ALERTS says what a check makes of it)
SELECT asset_id, severity, last_value(estimated_rul ORDER BY time) AS hours_left, max(time) AS at
FROM maintenance_alerts GROUP BY asset_id, severity ORDER BY hours_left LIMIT 5;
