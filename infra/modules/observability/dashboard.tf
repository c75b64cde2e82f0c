# One page: how runs went, then every metric of the contract, a graph each. A metric that a job reports
# and that is not here cannot be: the graphs are made from the same list.

locals {
  region = data.aws_region.this.id

  run_widgets = [
    {
      title   = "Runs"
      stat    = "Sum"
      metrics = [for word in ["Started", "Succeeded", "Failed", "TimedOut", "Aborted"] : ["AWS/States", "Executions${word}", "StateMachineArn", var.state_machine_arn]]
    },
    {
      title   = "Time of a run, ms"
      stat    = "Maximum"
      metrics = [["AWS/States", "ExecutionTime", "StateMachineArn", var.state_machine_arn]]
    },
    {
      title   = "Failed batches that wait"
      stat    = "Maximum"
      metrics = [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.dead_letter_queue]]
    },
    {
      title = "Bytes read by queries"
      stat  = "Sum"
      # Athena reports by state, type and workgroup; a graph must name all three, or look for them
      metrics = [[{
        id         = "bytes"
        label      = "bytes"
        expression = "SUM(SEARCH('{AWS/Athena,QueryState,QueryType,WorkGroup} MetricName=\"ProcessedBytes\" WorkGroup=\"${var.name}\"', 'Sum', 300))"
      }]]
    },
  ]

  metric_widgets = [
    for metric in var.metrics.list : {
      title   = metric.title
      stat    = metric.statistic
      metrics = [for stage in metric.stages : [var.metrics.namespace, metric.name, "Environment", var.environment, "Stage", stage]]
    }
  ]

  # three in a row, eight columns each
  widgets = [
    for n, widget in concat(local.run_widgets, local.metric_widgets) : {
      type       = "metric", x = 8 * (n % 3), y = 6 * floor(n / 3) + 3, width = 8, height = 6
      properties = merge(widget, { region = local.region, view = "timeSeries", period = 300 })
    }
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = concat([{
      type = "alarm", x = 0, y = 0, width = 24, height = 3
      properties = {
        title  = "Alarms: each has a page in ops/runbooks"
        alarms = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn]
      }
    }], local.widgets)
  })
}
