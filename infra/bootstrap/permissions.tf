# What the two roles of GitHub and every role of an environment may do.

data "aws_iam_policy_document" "plan" {
  # checkov:skip=CKV_AWS_356: descriptions of networks and lists know no resource
  for_each = local.reads

  dynamic "statement" {
    for_each = each.value

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}

data "aws_iam_policy_document" "deploy" {
  # checkov:skip=CKV_AWS_356: networks have no names that a policy could know beforehand
  # checkov:skip=CKV_AWS_111: as above, and held to one region
  # checkov:skip=CKV_AWS_109: as above
  for_each = local.writes

  dynamic "statement" {
    for_each = each.value

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = contains(statement.value.resources, "*") ? [var.region] : []

        content {
          test     = "StringEquals"
          variable = "aws:RequestedRegion"
          values   = [condition.value]
        }
      }
    }
  }

  # A role that a deployment makes must have the boundary, so that it cannot make one that may more
  # than the boundary says, and it may hand roles to nobody but these services.
  dynamic "statement" {
    for_each = each.key == "watch" ? ["MakeBoundedRoles"] : []

    content {
      sid       = statement.value
      actions   = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"]
      resources = local.environment_roles

      condition {
        test     = "StringEquals"
        variable = "iam:PermissionsBoundary"
        values   = [aws_iam_policy.boundary.arn]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "watch" ? ["KeepRoles"] : []

    content {
      sid       = statement.value
      actions   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"]
      resources = local.environment_roles
    }
  }

  dynamic "statement" {
    for_each = each.key == "watch" ? ["PassRoles"] : []

    content {
      sid       = statement.value
      actions   = ["iam:PassRole"]
      resources = local.environment_roles

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["ecs-tasks.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"]
      }
    }
  }
}

locals {
  # of the environments, and not the two of GitHub itself
  environment_roles = [for environment in var.environments : "${local.arn}:iam::${local.account}:role/market-lake-${environment}-*"]
}

# The most that any role of an environment can ever do, whatever is written into its policies.
data "aws_iam_policy_document" "boundary" {
  # checkov:skip=CKV_AWS_356: log delivery, tracing and the registry's token know no resource; a boundary grants nothing
  # checkov:skip=CKV_AWS_111: a boundary grants nothing
  statement {
    sid       = "Lake"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources = [for environment in var.environments : "${local.arn}:s3:::market-lake-${environment}-*"]
  }

  statement {
    sid = "Work"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:GetDownloadUrlForLayer",
      "ecs:DescribeTasks",
      "ecs:RunTask",
      "ecs:StopTask",
      "ecs:TagResource",
      "iam:PassRole",
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "sns:Publish",
      "sqs:SendMessage",
      "states:DescribeExecution",
      "states:StartExecution",
      "states:StopExecution",
    ]
    resources = concat(
      local.named.images, local.named.tasks, local.named.logs, local.named.topics, local.named.queues,
      local.named.machines, local.environment_roles,
    )
  }

  statement {
    sid       = "WaitForTasks"
    actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = ["${local.arn}:events:${local.own}:rule/StepFunctionsGetEventsForECSTaskRule"]
  }

  statement {
    sid = "Anywhere"
    actions = [
      "ecr:GetAuthorizationToken",
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "boundary" {
  name        = "market-lake-boundary"
  description = "the most that any role of an environment can do"
  policy      = data.aws_iam_policy_document.boundary.json
}
