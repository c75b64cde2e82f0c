output "environment" {
  description = "Name of the environment."
  value       = local.environment
}

output "account" {
  description = "Id of the account."
  value       = local.account
}

output "region" {
  description = "Region."
  value       = local.region
}

output "bucket" {
  description = "Name of the bucket."
  value       = module.lake.bucket
}

output "lake_uri" {
  description = "URI of the lake."
  value       = module.lake.lake_uri
}

output "config_uri" {
  description = "URI of lake.yaml as deployed."
  value       = module.lake.config_uri
}

output "state_machine_arn" {
  description = "ARN of the pipeline."
  value       = module.pipeline.state_machine_arn
}

output "cluster" {
  description = "ECS cluster."
  value       = module.pipeline.cluster
}

output "repositories" {
  description = "Where images are pushed to, by stage."
  value       = module.repositories.urls
}

output "log_groups" {
  description = "Log groups by stage."
  value       = { for stage, made in module.stage : stage => made.log_group }
}

output "pipeline_log_group" {
  description = "Log group of the state machine."
  value       = module.pipeline.log_group
}

output "workgroup" {
  description = "Athena workgroup."
  value       = module.catalog.workgroup
}

output "databases" {
  description = "Glue databases by zone."
  value       = module.catalog.databases
}

output "dead_letter_queue_url" {
  description = "URL of the queue of batches that failed for good."
  value       = module.pipeline.dead_letter_queue_url
}

output "alarms" {
  description = "Names of alarms by the name of their runbook."
  value       = module.observability.alarms
}

output "dashboard_url" {
  description = "The dashboard in the console."
  value       = module.observability.dashboard_url
}

output "reader_policy" {
  description = "What whoever asks the lake may do, as a policy: Athena in this workgroup, the tables, their results."
  value       = data.aws_iam_policy_document.reader.json
}
