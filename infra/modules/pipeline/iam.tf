# Two roles: what the state machine does in its states, and what the schedule does.

locals {
  # Items of a map are executions under the map's label. AWS's pages name them so, and for looking and
  # stopping also as executions of the machine; both are granted.
  executions = replace(local.machine_arn, ":stateMachine:", ":execution:")
  item_arns  = concat(["${local.executions}:*"], [for label in ["batches", "bars"] : "${local.executions}/${label}:*"])
  # by name: the machine needs the role before it is there
  machine_arn = "arn:${local.partition}:states:${data.aws_region.this.name}:${var.account}:stateMachine:${var.name}-pipeline"
  task_arns   = "arn:${local.partition}:ecs:${data.aws_region.this.name}:${var.account}:task/${var.name}/*"

  # of every revision: an execution that began before a deployment goes on with what it began with
  task_definition_arns = [for arn in values(var.task_definitions) : replace(arn, "/:[0-9]+$/", ":*")]
}

data "aws_region" "this" {}

data "aws_iam_policy_document" "pipeline" {
  statement {
    sid       = "StartTasks"
    actions   = ["ecs:RunTask"]
    resources = local.task_definition_arns

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [aws_ecs_cluster.this.arn]
    }
  }

  # .sync waits for a task and stops it when the execution is stopped
  statement {
    sid       = "WatchTasks"
    actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
    resources = [local.task_arns]
  }

  # tags are passed on from the task definition
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
    sid       = "PassTheStagesRoles"
    actions   = ["iam:PassRole"]
    resources = var.role_arns

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  # the rule by which Step Functions learns that a task has ended
  statement {
    sid       = "WaitForTasks"
    actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = ["arn:${local.partition}:events:${data.aws_region.this.name}:${var.account}:rule/StepFunctionsGetEventsForECSTaskRule"]
  }

  # a distributed map runs its items as executions of the same machine
  statement {
    sid       = "StartItems"
    actions   = ["states:StartExecution"]
    resources = [local.machine_arn]
  }

  statement {
    sid       = "WatchItems"
    actions   = ["states:DescribeExecution", "states:StopExecution"]
    resources = local.item_arns
  }

  statement {
    sid       = "ListBatches"
    actions   = ["s3:ListBucket"]
    resources = ["arn:${local.partition}:s3:::${var.bucket}"]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.runs_prefix}/*"]
    }
  }

  statement {
    sid       = "ReadDirtySymbols"
    actions   = ["s3:GetObject"]
    resources = ["arn:${local.partition}:s3:::${var.bucket}/${var.runs_prefix}/*/dirty.json"]
  }

  statement {
    sid       = "CloseRuns"
    actions   = ["s3:PutObject"]
    resources = ["arn:${local.partition}:s3:::${var.bucket}/${var.runs_prefix}/*/summary.json"]
  }

  statement {
    sid       = "SetBatchesAside"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.failed_batches.arn]
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

data "aws_iam_policy_document" "scheduler" {
  statement {
    sid       = "StartTheMachines"
    actions   = ["states:StartExecution"]
    resources = [aws_sfn_state_machine.this.arn, aws_sfn_state_machine.maintain.arn]
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["states", "scheduler"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account]
    }
  }
}

resource "aws_iam_role" "pipeline" {
  name                 = "${var.name}-pipeline"
  description          = "what the state machine does in its states"
  assume_role_policy   = data.aws_iam_policy_document.trust["states"].json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "pipeline" {
  name   = "states"
  role   = aws_iam_role.pipeline.id
  policy = data.aws_iam_policy_document.pipeline.json
}

resource "aws_iam_role" "scheduler" {
  name                 = "${var.name}-scheduler"
  description          = "starts the pipeline by its schedule"
  assume_role_policy   = data.aws_iam_policy_document.trust["scheduler"].json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "start"
  role   = aws_iam_role.scheduler.id
  policy = data.aws_iam_policy_document.scheduler.json
}
