output "state_machine_arn" {
  description = "ARN of the pipeline."
  # by name, so that alarms on it do not wait for it
  value = local.machine_arn
}

output "definition" {
  description = "The states, as JSON."
  value       = local.definition
}

output "cluster" {
  description = "ECS cluster."
  value       = aws_ecs_cluster.this.name
}

output "dead_letter_queue" {
  description = "Name of the queue of batches that failed for good."
  value       = aws_sqs_queue.failed_batches.name
}

output "dead_letter_queue_url" {
  description = "URL of that queue."
  value       = aws_sqs_queue.failed_batches.url
}

output "log_group" {
  description = "Log group of the state machine."
  value       = aws_cloudwatch_log_group.this.name
}

output "maintenance" {
  description = "The states of the care of the tables, as JSON."
  value       = local.maintenance
}

output "schedules" {
  description = "Whether each schedule starts its state machine: `pipeline`, `maintain`, and `pipeline-<source>` of a source with one of its own."
  value       = { for name, schedule in aws_scheduler_schedule.this : name => schedule.state == "ENABLED" }
}
