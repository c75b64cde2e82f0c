# A whole environment from its lake.yaml: what each root under infra/envs makes. Only wiring is here;
# settings.tf reads the file, access.tf says what each stage may do.

data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id
  region  = data.aws_region.this.id
  name    = "market-lake-${local.environment}"

  network = concat(
    [for made in module.network : { subnets = made.subnets, security_group = made.security_group, assign_public_ip = made.assign_public_ip }],
    [for own in var.network[*] : { subnets = own.subnets, security_group = own.security_group, assign_public_ip = own.assign_public_ip ? "ENABLED" : "DISABLED" }],
  )[0]

  # what has no images yet can run nothing: neither is it started by itself, nor is anybody told that
  # it was not
  is_armed = local.aws.schedule.enabled && length(setsubtract(var.contract.stages, keys(var.images))) == 0
}

module "lake" {
  source = "../lake"

  bucket              = "${local.name}-${local.account}-${local.region}"
  account             = local.account
  config              = var.config
  prefixes            = { bronze = var.contract.prefixes.bronze, temp = var.contract.prefixes.temp }
  bronze_glacier_days = local.aws.bronze_glacier_days
  kms_key_arn         = var.kms_key_arn
}

module "catalog" {
  source = "../catalog"

  name           = local.name
  environment    = local.environment
  account        = local.account
  lake_uri       = module.lake.lake_uri
  tables         = var.contract.tables
  queries        = var.contract.queries
  kms_key_arn    = var.kms_key_arn
  scan_limit_gib = local.aws.scan_limit_gib
}

module "network" {
  source = "../network"
  count  = var.network == null ? 1 : 0

  name = local.name
  mode = local.aws.network
}

module "repositories" {
  source = "../repositories"

  environment = local.environment
  stages      = toset(var.contract.stages)
}

module "stage" {
  source   = "../stage"
  for_each = toset(var.contract.stages)

  name               = local.name
  environment        = local.environment
  account            = local.account
  stage              = each.key
  repository         = { url = module.repositories.urls[each.key], arn = module.repositories.arns[each.key] }
  image              = lookup(var.images, each.key, null)
  architecture       = local.aws.architecture
  cpu                = local.tasks[each.key].cpu
  memory_mib         = local.tasks[each.key].memory_mib
  storage_gib        = local.tasks[each.key].storage_gib
  time_limit_seconds = local.task_seconds
  bucket_arn         = module.lake.bucket_arn
  lake_uri           = module.lake.lake_uri
  config_uri         = module.lake.config_uri
  access             = merge(local.access[each.key], { versions = [module.lake.config_key] })
  variants = {
    for name, variant in lookup(local.variants, each.key, {}) :
    name => { access = merge(variant.access, { versions = [module.lake.config_key] }) }
  }
  secrets              = lookup(local.secrets, each.key, {})
  secrets_kms_key_arn  = var.secrets_kms_key_arn
  log_retention_days   = local.aws.log_retention_days
  permissions_boundary = var.permissions_boundary
  kms_key_arn          = var.kms_key_arn
}

module "pipeline" {
  source = "../pipeline"

  name                      = local.name
  environment               = local.environment
  account                   = local.account
  bucket                    = module.lake.bucket
  runs_prefix               = var.contract.prefixes.runs
  kms_key_arn               = var.kms_key_arn
  task_definitions          = { for stage, made in module.stage : stage => made.task_definition_arn }
  role_arns                 = flatten([for made in module.stage : made.role_arns])
  network                   = local.network
  topic_arn                 = module.observability.topic_arn
  spot                      = local.aws.spot
  concurrency               = local.aws.map.concurrency
  tolerated_failure_percent = local.aws.map.tolerated_failure_percent
  attempts                  = local.run.attempts
  run_timeout_seconds       = local.run.timeout_seconds
  task_timeout_seconds      = local.task_seconds + var.contract.tasks.start_seconds
  wait_seconds              = var.wait_seconds
  schedule = {
    expression = local.aws.schedule.expression
    # an input that names no source is one of all
    enabled = local.is_armed && (length(local.own_schedules) == 0 || length(local.left_sources) > 0)
    sources = local.left_sources
  }
  source_schedules = { for source, expression in local.own_schedules : source => { expression = expression, enabled = local.is_armed } }
  maintenance = merge(module.stage["commit"].variants["maintain"], {
    expression = local.aws.maintenance.expression
    # what nothing fills needs no care
    enabled = local.is_armed && local.aws.maintenance.enabled
    days    = local.aws.maintenance.days
  })
  log_retention_days   = local.aws.log_retention_days
  permissions_boundary = var.permissions_boundary
}

module "observability" {
  source = "../observability"

  name              = local.name
  environment       = local.environment
  account           = local.account
  email             = local.email
  stages            = var.contract.stages
  metrics           = var.contract.metrics
  state_machine_arn = module.pipeline.state_machine_arn
  dead_letter_queue = module.pipeline.dead_letter_queue
  scheduled         = local.is_armed
  stale_hours       = local.aws.alarms.stale_hours
  lag_hours         = local.aws.alarms.lag_hours
}

# not every account may make one (docs/deploy.md)
module "budget" {
  source = "../budget"
  count  = local.aws.budget.enabled ? 1 : 0

  name        = local.name
  environment = local.aws.budget.counts == "account" ? null : local.environment
  monthly_usd = local.aws.budget.monthly_usd
  email       = local.aws.budget.email
  topic_arn   = module.observability.topic_arn
}

moved {
  from = module.budget
  to   = module.budget[0]
}
