# What runs the stages: the cluster, the state machines, their schedules, and the queue of batches that
# failed for good. The states are in states.tf, the roles in iam.tf.

locals {
  partition = data.aws_partition.this.partition

  # The second is small: one task that cares for the tables. It has a role of its own, so that each starts
  # its own tasks and no other; what that task itself may do, deleting above all, is the stage module's.
  machines = {
    pipeline = {
      about            = "Runs the pipeline over what is new"
      may              = "what the state machine does in its states"
      definition       = local.definition
      task_definitions = values(var.task_definitions)
      role_arns        = var.role_arns
      statements       = local.pipeline_statements
    }
    maintain = {
      about            = "Maintains the lake's tables"
      may              = "starts the task that maintains the tables"
      definition       = local.maintenance
      task_definitions = [var.maintenance.task_definition]
      role_arns        = var.maintenance.role_arns
      statements       = []
    }
  }

  # which machine each starts, when, and with what: a run is over all sources unless its input names some
  schedules = merge(
    {
      pipeline = {
        machine    = "pipeline"
        about      = local.machines.pipeline.about
        expression = var.schedule.expression
        enabled    = var.schedule.enabled
        input      = length(var.schedule.sources) > 0 ? jsonencode({ sources = var.schedule.sources }) : jsonencode({})
      }
      maintain = {
        machine    = "maintain"
        about      = local.machines.maintain.about
        expression = var.maintenance.expression
        enabled    = var.maintenance.enabled
        input      = jsonencode({})
      }
    },
    {
      for source, schedule in var.source_schedules : "pipeline-${source}" => {
        machine    = "pipeline"
        about      = "${local.machines.pipeline.about} of ${source}"
        expression = schedule.expression
        enabled    = schedule.enabled
        input      = jsonencode({ sources = [source] })
      }
    },
  )
}

data "aws_partition" "this" {}

resource "aws_ecs_cluster" "this" {
  # checkov:skip=CKV_AWS_65: Container Insights costs by the metric, idle or not; the jobs report their own
  name = var.name
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_158: names of runs and states, no secrets; CloudWatch encrypts them, a customer key costs 1 USD a month
  # checkov:skip=CKV_AWS_338: kept as long as lake.yaml says; what a run did for good stands in ops.runs
  # the prefix that AWS wants, else the policy for log delivery grows until it is full
  name              = "/aws/vendedlogs/states/${var.name}-pipeline"
  retention_in_days = var.log_retention_days
}

resource "aws_sfn_state_machine" "this" {
  for_each = local.machines

  name       = "${var.name}-${each.key}"
  role_arn   = aws_iam_role.machine[each.key].arn
  definition = each.value.definition

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.this.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  # Step Functions tries the role when the machine is made
  depends_on = [aws_iam_role_policy.machine]
}

resource "aws_sqs_queue" "failed_batches" {
  name                      = "${var.name}-failed-batches"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.schedules

  # checkov:skip=CKV_AWS_297: a schedule's input names sources at most; a customer key costs 1 USD a month
  name                         = "${var.name}-${each.key}"
  description                  = each.value.about
  state                        = each.value.enabled ? "ENABLED" : "DISABLED"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.this[each.value.machine].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = each.value.input

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 5
    }
  }
}
