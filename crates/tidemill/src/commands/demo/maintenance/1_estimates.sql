CREATE TABLE IF NOT EXISTS rul_estimates (asset_id TAG, health_index DOUBLE, estimated_rul DOUBLE)
