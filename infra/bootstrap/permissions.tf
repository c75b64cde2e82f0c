# What the roles of GitHub and every role of an environment may do.

data "aws_iam_policy_document" "look" {
  # checkov:skip=CKV_AWS_356: descriptions of networks and lists know no resource
  for_each = local.looks

  dynamic "statement" {
    for_each = each.value.statements

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = try(statement.value.conditions, [])

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }

  # Terraform asks for the names of workspaces (env:/), and whether a state is there: that question carries
  # no prefix, hence IfExists.
  dynamic "statement" {
    for_each = endswith(each.key, "-data") ? ["ListStates"] : []

    content {
      sid       = statement.value
      actions   = ["s3:ListBucket"]
      resources = [module.state.arn]

      condition {
        test     = "StringLikeIfExists"
        variable = "s3:prefix"
        values   = concat(["env:/"], [for env in local.scopes[each.value.role].environments : "${env}/*"])
      }
    }
  }
}

data "aws_iam_policy_document" "deploy" {
  # checkov:skip=CKV_AWS_356: delivery of logs and the registry's token know no resource
  # checkov:skip=CKV_AWS_111: as above, and held to the regions of environments
  # checkov:skip=CKV_AWS_109: as above
  for_each = local.changes

  dynamic "statement" {
    for_each = each.value.statements

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = concat(
          try(statement.value.conditions, []),
          contains(statement.value.resources, "*") ? [{ test = "StringEquals", variable = "aws:RequestedRegion", values = local.regions }] : [],
        )

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }

  # A role that a deployment makes must have the boundary, so that it cannot make one that may more
  # than the boundary says, and it may hand roles to nobody but these services.
  dynamic "statement" {
    for_each = each.value.policy == "watch" ? ["MakeBoundedRoles"] : []

    content {
      sid       = statement.value
      actions   = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
      resources = local.named[each.value.role].roles

      condition {
        test     = "StringEquals"
        variable = "iam:PermissionsBoundary"
        values   = [aws_iam_policy.boundary[trimprefix(each.value.role, "deploy-")].arn]
      }
    }
  }

  dynamic "statement" {
    for_each = each.value.policy == "watch" ? ["KeepRoles"] : []

    content {
      sid       = statement.value
      actions   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"]
      resources = local.named[each.value.role].roles
    }
  }

  dynamic "statement" {
    for_each = each.value.policy == "watch" ? ["PassRoles"] : []

    content {
      sid       = statement.value
      actions   = ["iam:PassRole"]
      resources = local.named[each.value.role].roles

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["ecs-tasks.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"]
      }
    }
  }
}

# The most that any role of an environment can ever do, whatever is written into its policies. One each:
# who deploys dev writes its roles, and must not write one that reaches into prod.
data "aws_iam_policy_document" "boundary" {
  for_each = toset(var.environments)

  # checkov:skip=CKV_AWS_356: log delivery, tracing and the registry's token know no resource; a boundary grants nothing
  # checkov:skip=CKV_AWS_111: a boundary grants nothing
  statement {
    sid       = "Lake"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject"]
    resources = ["${local.arn}:s3:::market-lake-${each.key}-*"]
  }

  # a key of one's own, through S3 alone: which one, the roles' policies say
  statement {
    sid       = "OwnKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [for place in local.places : "${local.arn}:kms:${place}:key/*"]

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["s3.*.amazonaws.com"]
    }
  }

  # the keys of the environment's own sources, and with which key of one's own they may be encrypted
  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue", "ssm:GetParameters"]
    resources = local.named["deploy-${each.key}"].secrets
  }

  statement {
    sid       = "KeyOfSecrets"
    actions   = ["kms:Decrypt"]
    resources = [for place in local.places : "${local.arn}:kms:${place}:key/*"]

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["secretsmanager.*.amazonaws.com", "ssm.*.amazonaws.com"]
    }
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
    resources = flatten([
      for kind in ["images", "tasks", "logs", "topics", "queues", "machines", "roles"] :
      local.named["deploy-${each.key}"][kind]
    ])
  }

  statement {
    sid       = "WaitForTasks"
    actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = [for place in local.places : "${local.arn}:events:${place}:rule/StepFunctionsGetEventsForECSTaskRule"]
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
  for_each = data.aws_iam_policy_document.boundary

  name        = "market-lake-boundary-${each.key}"
  description = "the most that any role of environment ${each.key} can do"
  policy      = each.value.json
}
