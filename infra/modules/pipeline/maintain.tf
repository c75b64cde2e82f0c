# The care of the tables: a small machine of one task, its schedule, and a role that starts this task and
# no other. What the task itself may do, deleting above all, is the stage module's.

resource "aws_sfn_state_machine" "maintain" {
  name       = "${var.name}-maintain"
  role_arn   = aws_iam_role.maintain.arn
  definition = local.maintenance

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.this.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  depends_on = [aws_iam_role_policy.maintain]
}

resource "aws_scheduler_schedule" "maintain" {
  # checkov:skip=CKV_AWS_297: the schedule's input is `{}`; a customer key costs 1 USD a month
  name                         = "${var.name}-maintain"
  description                  = "Maintains the lake's tables"
  state                        = var.maintenance.enabled ? "ENABLED" : "DISABLED"
  schedule_expression          = var.maintenance.expression
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.maintain.arn
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({})

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 5
    }
  }
}

data "aws_iam_policy_document" "maintain" {
  statement {
    sid       = "StartTheTask"
    actions   = ["ecs:RunTask"]
    resources = [replace(var.maintenance.task_definition, "/:[0-9]+$/", ":*")]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [aws_ecs_cluster.this.arn]
    }
  }

  statement {
    sid       = "WatchTasks"
    actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
    resources = [local.task_arns]
  }

  statement {
    sid       = "TagTasks"
    actions   = ["ecs:TagResource"]
    resources = [local.task_arns]

    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["RunTask"]
    }
  }

  statement {
    sid       = "PassItsRoles"
    actions   = ["iam:PassRole"]
    resources = var.maintenance.role_arns

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid       = "WaitForTasks"
    actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = ["arn:${local.partition}:events:${data.aws_region.this.name}:${var.account}:rule/StepFunctionsGetEventsForECSTaskRule"]
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [var.topic_arn]
  }

  # checkov:skip=CKV_AWS_356: actions of log delivery and tracing know no narrower resource
  # checkov:skip=CKV_AWS_111: actions of log delivery and tracing know no narrower resource
  statement {
    sid = "DeliverLogs"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "Trace"
    actions   = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "maintain" {
  name                 = "${var.name}-maintain"
  description          = "starts the task that maintains the tables"
  assume_role_policy   = data.aws_iam_policy_document.trust["states"].json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "maintain" {
  name   = "states"
  role   = aws_iam_role.maintain.id
  policy = data.aws_iam_policy_document.maintain.json
}
