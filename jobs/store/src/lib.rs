//! Object storage (file:// and s3://), Parquet writing and fragments.
