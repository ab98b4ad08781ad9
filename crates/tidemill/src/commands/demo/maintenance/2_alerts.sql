CREATE TABLE IF NOT EXISTS maintenance_alerts (asset_id TAG, severity TAG, health_index DOUBLE, estimated_rul DOUBLE)
