output "topic_arn" {
  description = "Topic of alarms, budgets and ends of runs."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard_url" {
  description = "The dashboard in the console."
  value       = "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}

output "alarms" {
  description = "Names of the alarms by the name of their runbook."
  value       = { for runbook, alarm in aws_cloudwatch_metric_alarm.this : runbook => alarm.alarm_name }
}

output "watches_age" {
  description = "Whether anybody is told of stale data."
  value       = aws_cloudwatch_metric_alarm.this["stale-data"].actions_enabled
}
