# The roles: what the program may do in each of the stage's tasks, and what ECS does to start them. All are
# written from what the stage does; the folders come from the caller.

locals {
  object_arns = {
    for key, task in local.tasks : key => {
      for verb in ["read", "write", "delete", "versions"] : verb => [for p in task.access[verb] : "${var.bucket_arn}/${p}"]
    }
  }

  # As IAM judges them. A name of a field or of a version may stand behind a secret's ARN; Secrets Manager
  # ends the ARN with a hyphen and six letters of its own, which are not known where only the name is.
  secret_arns = [
    for arn in values(var.secrets) : can(regex("-[A-Za-z0-9]{6}(:.*)?$", arn))
    ? join(":", slice(split(":", arn), 0, 7))
    : "${join(":", slice(split(":", arn), 0, 7))}-??????"
    if strcontains(arn, ":secretsmanager:")
  ]
  parameter_arns = [for arn in values(var.secrets) : arn if strcontains(arn, ":ssm:")]

  # who asks the key of the secrets to decrypt one: secretsmanager.eu-central-1.amazonaws.com
  secret_services = distinct([for arn in values(var.secrets) : "${split(":", arn)[2]}.${split(":", arn)[3]}.amazonaws.com"])

  # log streams have names that ECS makes up
  log_streams = "${aws_cloudwatch_log_group.this.arn}:log-stream:run/${var.stage}/*"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account]
    }
  }
}

data "aws_iam_policy_document" "task" {
  for_each = local.tasks

  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = local.object_arns[each.key].read
  }

  dynamic "statement" {
    for_each = length(each.value.access.versions) > 0 ? [local.object_arns[each.key].versions] : []

    content {
      sid       = "ReadVersions"
      actions   = ["s3:GetObjectVersion"]
      resources = statement.value
    }
  }

  # S3 tells a missing object from a forbidden one only to who may list. Such a question carries no
  # prefix, hence IfExists; a listing without one shows names and no contents.
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = each.value.access.list
    }
  }

  dynamic "statement" {
    for_each = length(each.value.access.write) > 0 ? [local.object_arns[each.key].write] : []

    content {
      sid       = "Write"
      actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(each.value.access.delete) > 0 ? [local.object_arns[each.key].delete] : []

    content {
      sid       = "Delete"
      actions   = ["s3:DeleteObject"]
      resources = statement.value
    }
  }

  # through S3 alone, for what lies in the lake
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

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
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "LogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the token is for the registry, and the action knows no narrower resource
  }

  statement {
    sid       = "PullTheImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [var.repository.arn]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [local.log_streams]
  }

  # the keys of this stage's sources, and no others
  dynamic "statement" {
    for_each = length(local.secret_arns) > 0 ? [distinct(local.secret_arns)] : []

    content {
      sid       = "HandOverSecrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(local.parameter_arns) > 0 ? [distinct(local.parameter_arns)] : []

    content {
      sid       = "HandOverParameters"
      actions   = ["ssm:GetParameters"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.secrets) > 0 && var.secrets_kms_key_arn != null ? [var.secrets_kms_key_arn] : []

    content {
      sid       = "DecryptThem"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = local.secret_services
      }
    }
  }
}

resource "aws_iam_role" "task" {
  for_each = local.tasks

  name                 = "${var.name}-${each.value.name}-task"
  description          = each.value.may
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary
  tags                 = local.tags
}

resource "aws_iam_role_policy" "task" {
  for_each = local.tasks

  name   = "lake"
  role   = aws_iam_role.task[each.key].id
  policy = data.aws_iam_policy_document.task[each.key].json
}

resource "aws_iam_role" "execution" {
  name                 = "${local.full_name}-execution"
  description          = "what ECS does to start stage ${var.stage}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary
  tags                 = local.tags
}

resource "aws_iam_role_policy" "execution" {
  name   = "start"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}
