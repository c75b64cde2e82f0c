# One stage of the pipeline: its task definitions and its logs. What its tasks may do
# is in iam.tf.

locals {
  full_name = "${var.name}-${var.stage}"
  log_group = "/market-lake/${var.environment}/${var.stage}"
  tags      = { Stage = var.stage }
  scratch   = "scratch"
  # a folder of its own in the image, which belongs to the user: /tmp has whichever mode the base gave it
  scratch_path = "/scratch"

  # The stage's own task, and the variants of it: the same image with a role of its own, its command comes
  # with the task.
  tasks = merge(
    { stage = { name = var.stage, may = "what the program of stage ${var.stage} may do", access = var.access } },
    {
      for name, variant in var.variants :
      name => { name = name, may = "what task ${name} of stage ${var.stage} may do", access = variant.access }
    },
  )
}

data "aws_region" "this" {}

resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_158: logs name archives and counts, no secrets; CloudWatch encrypts them, a customer key costs 1 USD a month
  # checkov:skip=CKV_AWS_338: kept as long as lake.yaml says; what a run did for good stands in ops.runs
  name              = local.log_group
  retention_in_days = var.log_retention_days
  tags              = local.tags
}

resource "aws_ecs_task_definition" "this" {
  for_each = local.tasks

  family                   = "${var.name}-${each.value.name}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory_mib
  task_role_arn            = aws_iam_role.task[each.key].arn
  execution_role_arn       = aws_iam_role.execution.arn
  tags                     = local.tags

  # A deployment must not take away the revision that executions at work began with. Terraform therefore
  # deregisters none, at a teardown neither: `cargo xtask teardown` does, by the family's name.
  skip_destroy = true

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  # 20 GiB come with every task and cannot be asked for
  dynamic "ephemeral_storage" {
    for_each = var.storage_gib > 20 ? [var.storage_gib] : []

    content {
      size_in_gib = ephemeral_storage.value
    }
  }

  # The only place a task can write. Empty, it takes owner and mode of the image's VOLUME.
  volume {
    name = local.scratch
  }

  container_definitions = local.containers
}

locals {
  # ECS asks for each by its ARN when it starts a task, so a changed key needs no deployment. Where there is
  # none the definition is without the word: it would be a new revision for nothing.
  secrets = [for name, arn in var.secrets : { name = name, valueFrom = arn }]

  containers = jsonencode([merge({ for word, list in { secrets = local.secrets } : word => list if length(list) > 0 }, {
    # a variant's container too has the stage's name
    name                   = var.stage
    image                  = coalesce(var.image, "${var.repository.url}:none")
    essential              = true
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    # the longest that Fargate grants a task whose Spot capacity is taken back
    stopTimeout = 120

    linuxParameters = { initProcessEnabled = true }
    mountPoints     = [{ containerPath = local.scratch_path, sourceVolume = local.scratch, readOnly = false }]

    environment = [for name, value in local.variables : { name = name, value = value }]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = data.aws_region.this.id
        awslogs-stream-prefix = "run"
      }
    }
  })])

  # by name, so that a plan shows no change where there is none
  variables = {
    AWS_REGION             = data.aws_region.this.id
    MARKET_LAKE_CONFIG     = var.config_uri
    MARKET_LAKE_LOG_FORMAT = "json"
    MARKET_LAKE_TEMP       = local.scratch_path
    MARKET_LAKE_TIME_LIMIT = tostring(var.time_limit_seconds)
    MARKET_LAKE_URI        = var.lake_uri
  }
}
