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

output "github" {
  description = "Whose runners get in; null: nobody's. The next bootstrap goes on with it."
  value = local.with_github ? {
    repository          = var.repository
    repository_id       = var.repository_id
    repository_owner_id = var.repository_owner_id
    oidc_provider_arn   = var.oidc_provider_arn
  } : null
}

output "plan_role" {
  description = "Role of pull requests; null: none."
  value       = local.with_github ? aws_iam_role.github["plan"].arn : null
}

output "deploy_roles" {
  description = "Role of deployments, by environment; none without GitHub."
  value       = { for role, made in aws_iam_role.github : trimprefix(role, "deploy-") => made.arn if role != "plan" }
}

output "permissions_boundaries" {
  description = "Boundary that every role of an environment has, by environment."
  value       = { for environment, boundary in aws_iam_policy.boundary : environment => boundary.arn }
}
