-- 3. Which supplies drift? (distance from 230 V and power factor score, the last 6 hours)
SELECT asset_id, round(avg(voltage_stability(voltage_v)), 1) AS volts_off,
       round(avg(pf_score(power_factor)), 1) AS pf_score
FROM sensor_data
WHERE time > now() - INTERVAL '6 hours' AND operating_state = 'RUNNING'
GROUP BY asset_id
HAVING avg(voltage_stability(voltage_v)) > 4 OR avg(pf_score(power_factor)) < 45
ORDER BY volts_off DESC;
