-- The engines of set FD001 that need attention: estimated remaining useful life of 30 cycles or less, most urgent first.
-- The estimate is that of health_index.sql.
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
),
estimates AS (
  SELECT *, rul_from_health_index(health_index, 125) AS estimated_rul FROM health
)
SELECT unit_number, estimated_rul, health_index,
  CASE WHEN estimated_rul <= 15 THEN 'critical' ELSE 'warning' END AS severity
FROM estimates
WHERE estimated_rul <= 30
ORDER BY estimated_rul, CAST(unit_number AS INT);
