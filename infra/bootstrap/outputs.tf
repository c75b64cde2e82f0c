output "state_bucket" {
  description = "Bucket of the states."
  value       = aws_s3_bucket.state.bucket
}

output "backend" {
  description = "What `terraform init -backend-config=` takes, by environment."
  value = {
    for environment in var.environments : environment => join("\n", [
      "bucket = \"${aws_s3_bucket.state.bucket}\"",
      "key    = \"${environment}/terraform.tfstate\"",
      "region = \"${var.region}\"",
      "",
    ])
  }
}

output "plan_role" {
  description = "Role of pull requests."
  value       = aws_iam_role.github["plan"].arn
}

output "deploy_role" {
  description = "Role of deployments."
  value       = aws_iam_role.github["deploy"].arn
}

output "permissions_boundary" {
  description = "Boundary that every role of an environment must have when GitHub deploys it."
  value       = aws_iam_policy.boundary.arn
}
