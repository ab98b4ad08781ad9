-- 5. Health and risk from the past day's current spikes (each point against the nine before it)
WITH scored AS (
  SELECT asset_id, spike_count(current_a, 6.0)
           OVER (PARTITION BY asset_id ORDER BY time ROWS 9 PRECEDING) AS spikes
  FROM sensor_data
  WHERE time > now() - INTERVAL '1 day' AND operating_state = 'RUNNING'
)
SELECT asset_id, sum(spikes) AS spike_points,
       round(health_from_score(least(sum(spikes) / 2000.0, 1.0)), 0) AS health,
       risk_level(health_from_score(least(sum(spikes) / 2000.0, 1.0))) AS risk
FROM scored GROUP BY asset_id ORDER BY spike_points DESC LIMIT 5;
