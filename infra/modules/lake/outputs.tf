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

output "config_key" {
  description = "Where lake.yaml lies in the bucket."
  value       = aws_s3_object.configuration.key
}

output "noncurrent_days" {
  description = "Days for which replaced objects can be read."
  value       = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : one(rule.noncurrent_version_expiration).noncurrent_days if length(rule.noncurrent_version_expiration) > 0])
}

output "config_uri" {
  description = "URI of the deployed lake.yaml in its very version, for MARKET_LAKE_CONFIG."
  value       = "s3://${aws_s3_bucket.this.bucket}/${aws_s3_object.configuration.key}?versionId=${aws_s3_object.configuration.version_id}"
}

output "encryption" {
  description = "How objects are encrypted: the algorithm, and the key where it is one's own."
  value = one([
    for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule : {
      algorithm = rule.apply_server_side_encryption_by_default[0].sse_algorithm
      key       = rule.apply_server_side_encryption_by_default[0].kms_master_key_id
    }
  ])
}
