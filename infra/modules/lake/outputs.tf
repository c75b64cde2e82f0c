output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "lake_uri" {
  description = "URI of the lake, for MARKET_LAKE_URI."
  value       = "s3://${aws_s3_bucket.this.bucket}"
}

output "config_uri" {
  description = "URI of the deployed lake.yaml, for MARKET_LAKE_CONFIG."
  value       = "s3://${aws_s3_bucket.this.bucket}/${aws_s3_object.config.key}"
}
