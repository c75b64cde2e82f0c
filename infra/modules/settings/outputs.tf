output "config" {
  description = "Text of lake.yaml."
  value       = local.config
}

output "contract" {
  description = "The facts of the code: infra/contract.json."
  value       = jsondecode(file("${path.module}/../../contract.json"))
}

output "region" {
  description = "The region to deploy to."
  value       = local.aws.region
}

output "accounts" {
  description = "The only account that may be deployed to, where lake.yaml names one; else null."
  value       = try([tostring(coalesce(local.aws.account))], null)
}

output "tags" {
  description = "Tags of everything, for the provider."
  value = merge(var.tags, {
    Project     = "market-lake"
    Environment = local.lake.environment
    ManagedBy   = "terraform"
    Owner       = coalesce(var.owner, try(local.aws.owner, null), "market-lake")
    Stage       = "shared"
  })
}
