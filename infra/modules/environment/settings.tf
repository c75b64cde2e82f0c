# lake.yaml as Terraform reads it. The jobs' parser is the strict one and refuses what is unknown; here
# only defaults are filled in, from where the parser has them too (aws_defaults of the contract).

locals {
  file        = yamldecode(var.config)
  environment = local.file.environment
  given       = try(local.file.aws, {})
  defaults    = var.contract.aws_defaults

  # key by key, sections too: `budget: {monthly_usd: 5}` keeps the other keys of budget
  aws = {
    architecture        = try(local.given.architecture, local.defaults.architecture)
    bronze_glacier_days = try(local.given.bronze_glacier_days, local.defaults.bronze_glacier_days)
    log_retention_days  = try(local.given.log_retention_days, local.defaults.log_retention_days)
    network             = try(local.given.network, local.defaults.network)
    scan_limit_gib      = try(local.given.scan_limit_gib, local.defaults.scan_limit_gib)
    spot                = try(local.given.spot, local.defaults.spot)
    alarms              = merge(local.defaults.alarms, try(local.given.alarms, {}))
    budget              = merge(local.defaults.budget, try(local.given.budget, {}))
    maintenance         = merge(local.defaults.maintenance, try(local.given.maintenance, {}))
    map                 = merge(local.defaults.map, try(local.given.map, {}))
    schedule            = merge(local.defaults.schedule, try(local.given.schedule, {}))
    tasks               = merge(local.defaults.tasks, try(local.given.tasks, {}))
  }

  # Sources with a schedule of their own, and where there are such, those that are left to the general one.
  # `aws.schedule.enabled` is the switch of all.
  own_schedules = { for source, section in try(local.file.sources, {}) : source => section.schedule if try(section.schedule, null) != null }
  left_sources  = length(local.own_schedules) > 0 ? sort(setsubtract(keys(local.file.sources), keys(local.own_schedules))) : []

  # a size that is given may leave out the disk
  tasks = { for stage in var.contract.stages : stage => merge(local.defaults.tasks[stage], local.aws.tasks[stage]) }
  email = try(coalesce(var.alarm_email, local.aws.alarms.email), null)

  # the same limits as those of the local executor (jobs/lib/model/src/config.rs)
  run = {
    attempts        = try(local.file.limits.run.attempts, 3)
    timeout_seconds = try(local.file.limits.run.timeout_seconds, 21600)
  }

  # The time in which a task must be done: it ends itself by this number, and its state waits for it and for
  # its start. Where a whole run has less, a task has what is left of it without the start, or half of it, so
  # that the words of a program that began with the run come before the run is stopped.
  task_seconds = min(
    var.contract.tasks.seconds,
    max(local.run.timeout_seconds - var.contract.tasks.start_seconds, ceil(local.run.timeout_seconds / 2)),
  )
}
