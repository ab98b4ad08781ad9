-- The fleet health index of the C-MAPSS engines, set FD001: how near each engine's newest reading is to the fleet's
-- worn-out average. 1 is as new, 0 worn out; the estimated remaining useful life is that share of 125 cycles.
-- The method is the one published for the InfluxDB 3 C-MAPSS plugin; reference.py computes the same without Tidemill.
-- Falling sensors (7, 12, 20, 21) need no care: their degraded average is simply the lower one.
WITH
healthy AS (
  SELECT
    avg(s_2) AS s_2, avg(s_3) AS s_3, avg(s_4) AS s_4, avg(s_7) AS s_7,
    avg(s_8) AS s_8, avg(s_11) AS s_11, avg(s_12) AS s_12, avg(s_13) AS s_13,
    avg(s_15) AS s_15, avg(s_20) AS s_20, avg(s_21) AS s_21
  FROM cmapss_train WHERE dataset = 'FD001' AND time_cycles <= 15
),
degraded AS (
  SELECT
    avg(s_2) AS s_2, avg(s_3) AS s_3, avg(s_4) AS s_4, avg(s_7) AS s_7,
    avg(s_8) AS s_8, avg(s_11) AS s_11, avg(s_12) AS s_12, avg(s_13) AS s_13,
    avg(s_15) AS s_15, avg(s_20) AS s_20, avg(s_21) AS s_21
  FROM cmapss_train WHERE dataset = 'FD001' AND time_cycles >= 175
),
newest AS (
  SELECT DISTINCT ON (unit_number) * FROM cmapss_test
  WHERE dataset = 'FD001' ORDER BY unit_number, time DESC
),
health AS (
  SELECT unit_number, time_cycles,
    health_index(
      newest.s_2, healthy.s_2, degraded.s_2,
      newest.s_3, healthy.s_3, degraded.s_3,
      newest.s_4, healthy.s_4, degraded.s_4,
      newest.s_7, healthy.s_7, degraded.s_7,
      newest.s_8, healthy.s_8, degraded.s_8,
      newest.s_11, healthy.s_11, degraded.s_11,
      newest.s_12, healthy.s_12, degraded.s_12,
      newest.s_13, healthy.s_13, degraded.s_13,
      newest.s_15, healthy.s_15, degraded.s_15,
      newest.s_20, healthy.s_20, degraded.s_20,
      newest.s_21, healthy.s_21, degraded.s_21
    ) AS health_index
  FROM newest CROSS JOIN healthy CROSS JOIN degraded
)
SELECT unit_number, time_cycles, health_index,
  rul_from_health_index(health_index, 125) AS estimated_rul
FROM health
ORDER BY CAST(unit_number AS INT);
