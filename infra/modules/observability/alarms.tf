# The alarms as data: what each watches and what it says. Their names are names of runbooks.

locals {
  machine = { namespace = "AWS/States", dimensions = { StateMachineArn = var.state_machine_arn }, stat = "Sum" }

  # a metric of ours as one stage reports it
  of_stage = {
    for stage in var.stages : stage => { namespace = var.metrics.namespace, dimensions = { Environment = var.environment, Stage = stage } }
  }

  latency_stages = [for metric in var.metrics.list : metric.stages if metric.name == "source_latency"]

  silent_stages = [for metric in var.metrics.list : metric.stages if metric.name == "silent_sources"]

  lag_stages = [for metric in var.metrics.list : metric.stages if metric.name == "lag"]

  alarms = {
    failed-runs = {
      says       = "a run of the pipeline failed"
      metrics    = { failed = merge(local.machine, { name = "ExecutionsFailed" }) }
      expression = null
      comparison = "GreaterThanThreshold", threshold = 0, period = 300, periods = 1
      missing    = "notBreaching", enabled = true
    }
    timeouts = {
      says       = "a run of the pipeline took longer than limits.run.timeout_seconds"
      metrics    = { late = merge(local.machine, { name = "ExecutionsTimedOut" }) }
      expression = null
      comparison = "GreaterThanThreshold", threshold = 0, period = 300, periods = 1
      missing    = "notBreaching", enabled = true
    }
    failed-batches = {
      says = "batches failed for good and wait in the dead-letter queue"
      metrics = { waiting = {
        namespace  = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", stat = "Maximum"
        dimensions = { QueueName = var.dead_letter_queue }
      } }
      expression = null
      comparison = "GreaterThanThreshold", threshold = 0, period = 300, periods = 1
      missing    = "notBreaching", enabled = true
    }
    error-rate = {
      says = "silver rejected more than ${var.error_rate_percent} % of the lines it read"
      metrics = {
        rejects = merge(local.of_stage["silver"], { name = "rejects", stat = "Sum" })
        rows    = merge(local.of_stage["silver"], { name = "rows", stat = "Sum" })
      }
      expression = "100 * rejects / (rows + rejects)"
      comparison = "GreaterThanThreshold", threshold = var.error_rate_percent, period = 3600, periods = 1
      missing    = "notBreaching", enabled = true
    }
    source-latency = {
      says = "the source took more than ${var.source_latency_ms} ms to begin its answers, for half an hour"
      metrics = {
        for stage in flatten(local.latency_stages) :
        stage => merge(local.of_stage[stage], { name = "source_latency", stat = "p90" })
      }
      expression = "MAX(METRICS())"
      comparison = "GreaterThanThreshold", threshold = var.source_latency_ms, period = 900, periods = 2
      missing    = "notBreaching", enabled = true
    }
    silent-source = {
      says = "a source did not answer, in all attempts of a plan; runs go on without it"
      metrics = {
        for stage in flatten(local.silent_stages) : "silent" => merge(local.of_stage[stage], { name = "silent_sources", stat = "Maximum" })
      }
      expression = null
      comparison = "GreaterThanThreshold", threshold = 0, period = 300, periods = 1
      # between two runs nothing is known: it was told
      missing = "notBreaching", enabled = true
    }
    stale-data = {
      says = "for ${var.stale_hours} hours no check found the newest whole day less than ${var.lag_hours} hours old"
      metrics = {
        for stage in flatten(local.lag_stages) : "lag" => merge(local.of_stage[stage], { name = "lag", stat = "Maximum" })
      }
      expression = null
      comparison = "GreaterThanThreshold", threshold = var.lag_hours * 3600, period = 3600, periods = var.stale_hours
      # No run at all, and runs that end well over a source that has fallen silent: both are what it is for.
      # One hour with a good figure among them is enough. Without a schedule silence is as it should be.
      missing = "breaching", enabled = var.scheduled
    }
  }

  watched = flatten([for alarm in local.alarms : [
    for metric in alarm.metrics : metric.name if metric.namespace == var.metrics.namespace
  ]])
  unknown_metrics = setsubtract(local.watched, [for metric in var.metrics.list : metric.name])
}
