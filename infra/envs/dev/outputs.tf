output "environment" {
  description = "Name of the environment."
  value       = module.environment.environment
}

output "account" {
  description = "Id of the account."
  value       = module.environment.account
}

output "region" {
  description = "Region."
  value       = module.environment.region
}

output "bucket" {
  description = "Name of the bucket."
  value       = module.environment.bucket
}

output "lake_uri" {
  description = "URI of the lake."
  value       = module.environment.lake_uri
}

output "config_uri" {
  description = "URI of lake.yaml as deployed."
  value       = module.environment.config_uri
}

output "state_machine_arn" {
  description = "ARN of the pipeline."
  value       = module.environment.state_machine_arn
}

output "cluster" {
  description = "ECS cluster."
  value       = module.environment.cluster
}

output "repositories" {
  description = "Where images are pushed to, by stage."
  value       = module.environment.repositories
}

output "images" {
  description = "The image of each stage as deployed, by digest; a plan without new images takes these."
  value       = var.images
}

output "log_groups" {
  description = "Log groups by stage."
  value       = module.environment.log_groups
}

output "pipeline_log_group" {
  description = "Log group of the state machine."
  value       = module.environment.pipeline_log_group
}

output "workgroup" {
  description = "Athena workgroup."
  value       = module.environment.workgroup
}

output "databases" {
  description = "Glue databases by zone."
  value       = module.environment.databases
}

output "dead_letter_queue_url" {
  description = "URL of the queue of batches that failed for good."
  value       = module.environment.dead_letter_queue_url
}

output "alarms" {
  description = "Names of alarms by the name of their runbook."
  value       = module.environment.alarms
}

output "dashboard_url" {
  description = "The dashboard in the console."
  value       = module.environment.dashboard_url
}
