# Two roles: what the stage's program may do, and what ECS does to start it. Both are written from what
# the stage does; the folders come from the caller.

locals {
  # the stage's own task, and the variants of it
  accesses = merge({ (var.stage) = var.access }, { for name, variant in var.variants : name => variant.access })

  object_arns = {
    for name, access in local.accesses : name => {
      for verb in ["read", "write", "delete"] : verb => [for p in access[verb] : "${var.bucket_arn}/${p}"]
    }
  }

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
  for_each = local.accesses

  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = local.object_arns[each.key].read
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
      values   = each.value.list
    }
  }

  dynamic "statement" {
    for_each = length(each.value.write) > 0 ? [local.object_arns[each.key].write] : []

    content {
      sid       = "Write"
      actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(each.value.delete) > 0 ? [local.object_arns[each.key].delete] : []

    content {
      sid       = "Delete"
      actions   = ["s3:DeleteObject"]
      resources = statement.value
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
    resources = [aws_ecr_repository.this.arn]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [local.log_streams]
  }
}

resource "aws_iam_role" "task" {
  name                 = "${local.full_name}-task"
  description          = "what the program of stage ${var.stage} may do"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary
  tags                 = local.tags
}

resource "aws_iam_role_policy" "task" {
  name   = "lake"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task[var.stage].json
}

resource "aws_iam_role" "variant" {
  for_each = var.variants

  name                 = "${var.name}-${each.key}-task"
  description          = "what task ${each.key} of stage ${var.stage} may do"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary
  tags                 = local.tags
}

resource "aws_iam_role_policy" "variant" {
  for_each = var.variants

  name   = "lake"
  role   = aws_iam_role.variant[each.key].id
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
