output "state_bucket" {
  description = "Bucket of the states."
  value       = module.state.bucket
}

output "backend" {
  description = "What `terraform init -backend-config=` takes, by environment."
  value = {
    for environment in var.environments : environment => join("\n", [
      "bucket = \"${module.state.bucket}\"",
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

output "deploy_roles" {
  description = "Role of deployments, by environment."
  value       = { for environment in var.environments : environment => aws_iam_role.github["deploy-${environment}"].arn }
}

output "permissions_boundaries" {
  description = "Boundary that every role of an environment must have when GitHub deploys it, by environment."
  value       = { for environment, boundary in aws_iam_policy.boundary : environment => boundary.arn }
}
