# The roles: what each state machine does in its states, and what their schedules do.

locals {
  # Items of a map are executions under the map's label. AWS's pages name them so, and for looking and
  # stopping also as executions of the machine; both are granted.
  executions = replace(local.machine_arn, ":stateMachine:", ":execution:")
  item_arns  = concat(["${local.executions}:*"], [for label in ["batches", "bars"] : "${local.executions}/${label}:*"])
  # by name: the machine needs the role before it is there
  machine_arn = "arn:${local.partition}:states:${data.aws_region.this.id}:${var.account}:stateMachine:${var.name}-pipeline"
  task_arns   = "arn:${local.partition}:ecs:${data.aws_region.this.id}:${var.account}:task/${var.name}/*"

  # what the pipeline alone does
  pipeline_statements = [
    # a distributed map runs its items as executions of the same machine
    {
      sid       = "StartItems"
      actions   = ["states:StartExecution"]
      resources = [local.machine_arn]
    },
    {
      sid       = "WatchItems"
      actions   = ["states:DescribeExecution", "states:StopExecution"]
      resources = local.item_arns
    },
    {
      sid       = "ListBatches"
      actions   = ["s3:ListBucket"]
      resources = ["arn:${local.partition}:s3:::${var.bucket}"]
      prefix    = "${var.runs_prefix}/*"
    },
    {
      sid       = "ReadDirtySymbols"
      actions   = ["s3:GetObject"]
      resources = ["arn:${local.partition}:s3:::${var.bucket}/${var.runs_prefix}/*/dirty.json"]
    },
    {
      sid       = "CloseRuns"
      actions   = ["s3:PutObject"]
      resources = ["arn:${local.partition}:s3:::${var.bucket}/${var.runs_prefix}/*/summary.json"]
    },
    {
      sid       = "SetBatchesAside"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.failed_batches.arn]
    },
  ]
}

data "aws_region" "this" {}

data "aws_iam_policy_document" "machine" {
  for_each = local.machines

  # of every revision: an execution that began before a deployment goes on with what it began with
  statement {
    sid       = "StartTasks"
    actions   = ["ecs:RunTask"]
    resources = [for arn in each.value.task_definitions : replace(arn, "/:[0-9]+$/", ":*")]

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
    resources = each.value.role_arns

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
    resources = ["arn:${local.partition}:events:${data.aws_region.this.id}:${var.account}:rule/StepFunctionsGetEventsForECSTaskRule"]
  }

  dynamic "statement" {
    for_each = each.value.statements

    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = try([statement.value.prefix], [])

        content {
          test     = "StringLike"
          variable = "s3:prefix"
          values   = [condition.value]
        }
      }
    }
  }

  # through S3 alone: what symbols are dirty is read from the lake, and how runs ended is written to it
  dynamic "statement" {
    for_each = each.key == "pipeline" && var.kms_key_arn != null ? [var.kms_key_arn] : []

    content {
      sid       = "UseTheKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${data.aws_region.this.id}.amazonaws.com"]
      }
    }
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
    resources = [for machine in aws_sfn_state_machine.this : machine.arn]
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

resource "aws_iam_role" "machine" {
  for_each = local.machines

  name                 = "${var.name}-${each.key}"
  description          = each.value.may
  assume_role_policy   = data.aws_iam_policy_document.trust["states"].json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "machine" {
  for_each = local.machines

  name   = "states"
  role   = aws_iam_role.machine[each.key].id
  policy = data.aws_iam_policy_document.machine[each.key].json
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
