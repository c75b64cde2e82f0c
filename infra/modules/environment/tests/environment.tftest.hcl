mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b"] }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }

  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:111122223333:cluster/mock" }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:111122223333:task-definition/mock:1" }
  }

  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:mock" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:111122223333:mock" }
  }

  mock_resource "aws_s3_bucket" {
    # as long as a real one: the letters of policies are counted
    defaults = { arn = "arn:aws:s3:::market-lake-staging-111122223333-eu-central-1" }
  }

  mock_resource "aws_ecr_repository" {
    defaults = { arn = "arn:aws:ecr:eu-central-1:111122223333:repository/mock", repository_url = "mock" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:mock" }
  }
}

variables {
  config   = "environment: test\naws: {region: eu-central-1}\n"
  contract = jsondecode(file("../../contract.json"))
}

# Plans come first: over the state that an apply leaves each takes longer.
run "what_is_not_said_keeps_its_default" {
  command = plan

  variables {
    config = <<-YAML
      environment: test
      aws:
        region: eu-central-1
        architecture: X86_64
        budget: {monthly_usd: 5}
        tasks: {silver: {cpu: 2048, memory_mib: 8192}, gold: {cpu: 2048, memory_mib: 8192, storage_gib: 60}}
      limits: {run: {attempts: 5}}
    YAML
  }

  assert {
    condition     = local.aws.budget.monthly_usd == 5 && local.aws.budget.email == null && local.aws.map.concurrency == var.contract.aws_defaults.map.concurrency
    error_message = "a key that is not given must keep its default"
  }

  assert {
    condition     = local.tasks["silver"].cpu == 2048 && local.tasks["plan"].cpu == var.contract.aws_defaults.tasks["plan"].cpu
    error_message = "the size of one task must not change those of others"
  }

  assert {
    condition     = local.tasks["silver"].storage_gib == 20 && local.tasks["gold"].storage_gib == 60
    error_message = "a size that leaves out the disk has that of every task"
  }

  assert {
    condition     = local.aws.architecture == "X86_64" && local.defaults.architecture == "ARM64"
    error_message = "lake.yaml says what the images are built for"
  }

  assert {
    condition     = local.run.attempts == 5 && local.run.timeout_seconds == 21600
    error_message = "limits.run must be those of the local executor"
  }
}

run "a_task_of_a_short_run_has_half_of_it" {
  command = plan

  variables {
    config = "environment: test\naws: {region: eu-central-1}\nlimits: {run: {timeout_seconds: 600}}\n"
  }

  assert {
    condition     = local.task_seconds == 300
    error_message = "a run that is shorter than a task's start must leave its tasks some time"
  }
}

run "maintenance_is_by_itself_where_runs_are" {
  command = plan

  variables {
    config = "environment: test\naws: {region: eu-central-1, schedule: {enabled: true}, maintenance: {days: 14}}\n"
  }

  assert {
    condition     = local.aws.maintenance.enabled && local.aws.maintenance.days == 14 && local.aws.maintenance.expression == "cron(0 12 ? * SUN *)"
    error_message = "what maintenance does not say keeps its default"
  }
}

run "an_account_that_makes_no_budgets_can_be_deployed_to" {
  command = plan

  variables {
    config = "environment: test\naws: {region: eu-central-1, budget: {enabled: false}}\n"
  }

  assert {
    condition     = length(module.budget) == 0
    error_message = "a budget is made though lake.yaml says none"
  }
}

run "a_budget_keeps_what_is_not_said" {
  command = plan

  variables {
    config = "environment: test\naws: {region: eu-central-1, budget: {counts: account}}\n"
  }

  assert {
    condition     = length(module.budget) == 1 && local.aws.budget.monthly_usd == local.defaults.budget.monthly_usd
    error_message = "a budget must be there unless lake.yaml says none"
  }

  assert {
    condition     = length(module.budget[0].filter) == 0
    error_message = "`counts: account` must count all that the account costs"
  }
}

# One run for all that the same variables make: an apply of it takes seconds.
run "an_environment_of_defaults" {
  command = apply

  # every stage of the contract has its place
  assert {
    condition = (
      toset(keys(output.repositories)) == toset(var.contract.stages) &&
      toset(keys(output.log_groups)) == toset(var.contract.stages) &&
      output.log_groups["silver"] == "/market-lake/test/silver"
    )
    error_message = "a stage has no repository or no log group"
  }

  assert {
    condition     = output.bucket == "market-lake-test-111122223333-eu-central-1"
    error_message = "the bucket's name is not the agreed one: ${output.bucket}"
  }

  # a task of a long run has what the contract says
  assert {
    condition     = local.task_seconds == var.contract.tasks.seconds
    error_message = "a run of hours must not shorten its tasks"
  }

  # workers cannot touch a tables log

  # a pattern of S3 as a regular expression, tried on a key of a log
  assert {
    condition = alltrue(flatten([
      for stage in ["plan", "bronze", "silver", "gold"] : [
        for pattern in concat(local.access[stage].write, try(local.access[stage].delete, [])) : [
          for table in var.contract.tables :
          !can(regex("^${replace(pattern, "*", ".*")}$", "${table.prefix}/_delta_log/00000000000000000000.json"))
        ]
      ]
    ]))
    error_message = "a worker may write the log of a table"
  }

  # a stage may do what its program does
  # Keys as the programs build them (jobs/lib/model/src/layout.rs); those that they ask for in vain count, for
  # S3 refuses what a role may not read though it is not there.
  assert {
    condition = alltrue(flatten([
      for stage, keys in {
        plan   = ["config/lake.yaml", "bronze/index/1.json.zst", "bronze/instruments/source=b/market=m/known.json.zst", "runs/r/plan.json", "drop/b/a.zip"]
        bronze = ["config/lake.yaml", "runs/r/batches/1.json.zst", "bronze/index/1.json.zst", "bronze/source=b/market=m/v/a.zip", "bronze/limits/b.json", "drop/b/a.zip"]
        silver = ["config/lake.yaml", "runs/r/batches/1.json.zst", "runs/r/fragments/bronze/u.json", "runs/r/fragments/silver/g.json", "bronze/source=b/market=m/v/a.zip"]
        commit = ["config/lake.yaml", "runs/r/plan.json", "runs/r/fragments/bronze/u.json", "runs/r/fragments/silver/g.json", "runs/r/fragments/gold/p.json", "runs/r/dirty.json", "runs/r/taken.json", "runs/owed/r.json", "bronze/index/1.json.zst"]
        gold   = ["config/lake.yaml", "runs/r/dirty.json", "runs/r/taken.json", "runs/r/fragments/gold/p.json"]
        check  = ["config/lake.yaml", "runs/r/plan.json", "runs/r/dirty.json", "runs/r/fragments/tail/u.json"]
      } : [for key in keys : anytrue([for p in local.access[stage].read : can(regex("^${replace(p, "*", ".*")}$", key))])]
    ]))
    error_message = "a stage may not read what its program reads"
  }

  assert {
    condition = alltrue(flatten([
      for stage, folders in {
        plan   = ["bronze/index/", "bronze/instruments/source=b/market=m/", "runs/owed/", "drop/b/"]
        bronze = ["runs/r/fragments/bronze/", "bronze/index/", "bronze/source=b/market=m/", "drop/b/"]
        commit = ["runs/r/fragments/bronze/", "runs/r/fragments/silver/", "runs/r/fragments/gold/", "runs/owed/", "bronze/index/"]
        check  = ["runs/r/fragments/tail/"]
      } : [for folder in folders : anytrue([for p in local.access[stage].list : can(regex("^${replace(p, "*", ".*")}$", folder))])]
    ]))
    error_message = "a stage may not list what its program lists"
  }

  assert {
    condition = alltrue(flatten([
      for stage, keys in {
        plan   = ["runs/r/plan.json", "runs/r/batches/1.json.zst", "bronze/instruments/source=b/market=m/2024-01-31.json.zst"]
        bronze = ["bronze/source=b/market=m/v/a.zip", "bronze/limits/b.json", "runs/r/fragments/bronze/u.json"]
        silver = ["runs/r/fragments/silver/g.json", "runs/r/fragments/tail/u.json"]
        commit = ["runs/r/dirty.json", "runs/r/taken.json", "runs/owed/r.json", "bronze/index/1.json.zst", "silver/instruments/source=b/f.parquet"]
        gold   = ["runs/r/fragments/gold/p.json"]
        check  = ["runs/r/verdict.json"]
      } : [for key in keys : anytrue([for p in local.access[stage].write : can(regex("^${replace(p, "*", ".*")}$", key))])]
    ]))
    error_message = "a stage may not write what its program writes"
  }

  # whoever reads a table reads its log and its head, and lists the log
  assert {
    condition = alltrue(flatten([
      for stage, schemas in {
        plan   = ["bronze", "silver", "gold", "ops"]
        commit = ["bronze", "silver", "gold", "ops"]
        gold   = ["silver", "gold"]
        check  = ["bronze", "silver", "gold", "ops"]
        } : [
        for table in var.contract.tables : [
          for key in ["_head.json", "_delta_log/_last_checkpoint", "_delta_log/1.json", "_delta_log/1.checkpoint.parquet"] :
          anytrue([for p in local.access[stage].read : can(regex("^${replace(p, "*", ".*")}$", "${table.prefix}/${key}"))]) &&
          anytrue([for p in local.access[stage].list : can(regex("^${replace(p, "*", ".*")}$", "${table.prefix}/_delta_log/"))])
        ] if contains(schemas, table.schema)
      ]
    ]))
    error_message = "a stage may not read the log or the head of a table that its program reads"
  }

  # whoever commits to a table writes its log and its head
  assert {
    condition = alltrue(flatten([
      for stage, prefixes in {
        commit = [for table in var.contract.tables : table.prefix]
        check  = ["ops/coverage", "ops/checks"]
        } : [
        for prefix in prefixes : [
          for key in ["_head.json", "_delta_log/_last_checkpoint", "_delta_log/1.json", "_delta_log/1.checkpoint.parquet"] :
          anytrue([for p in local.access[stage].write : can(regex("^${replace(p, "*", ".*")}$", "${prefix}/${key}"))])
        ]
      ]
    ]))
    error_message = "a stage may not write the log or the head of a table that its program commits to"
  }

  # and whoever makes data files writes those
  assert {
    condition = alltrue(flatten([
      for stage, schemas in { silver = ["silver"], gold = ["gold"], commit = ["bronze", "ops"] } : [
        for table in var.contract.tables : anytrue([
          for p in local.access[stage].write :
          can(regex("^${replace(p, "*", ".*")}$", "${table.prefix}/${join("", [for column in table.partitions : "${column}=x/"])}f.parquet"))
        ]) if contains(schemas, table.schema)
      ]
    ]))
    error_message = "a stage may not write the data files that its program makes"
  }

  # maintenance may do what its program does
  assert {
    condition = alltrue(concat(
      [for key in ["runs/r/summary.json", "bronze/index/1.json.zst"] : anytrue([
        for p in local.variants.commit.maintain.access.read : can(regex("^${replace(p, "*", ".*")}$", key))
      ])],
      [for folder in ["runs/", "runs/r/fragments/", "runs/r/batches/", "bronze/index/"] : anytrue([
        for p in local.variants.commit.maintain.access.list : can(regex("^${replace(p, "*", ".*")}$", folder))
      ])],
      [for key in ["runs/r/fragments/bronze/u.json", "runs/r/batches/1.json.zst", "bronze/index/1.json.zst"] : anytrue([
        for p in local.variants.commit.maintain.access.delete : can(regex("^${replace(p, "*", ".*")}$", key))
      ])],
    ))
    error_message = "maintenance may not read, list or delete what its program does"
  }

  # checkpoints, heads and expired entries of every table
  assert {
    condition = alltrue(flatten([
      for table in var.contract.tables : [
        for key in ["_head.json", "_delta_log/1.json", "_delta_log/1.checkpoint.parquet", "_delta_log/_last_checkpoint"] : [
          for verb in ["read", "write"] : anytrue([
            for p in local.variants.commit.maintain.access[verb] : can(regex("^${replace(p, "*", ".*")}$", "${table.prefix}/${key}"))
          ])
        ]
      ]
    ]))
    error_message = "maintenance may not write the log or the head of a table"
  }

  # only maintenance may delete of a table
  assert {
    condition = alltrue(flatten([
      for stage in var.contract.stages : [
        for pattern in try(local.access[stage].delete, []) : [
          for table in var.contract.tables : [
            for key in ["_delta_log/00000000000000000000.json", "_head.json", "source=binance/x.parquet"] :
            !can(regex("^${replace(pattern, "*", ".*")}$", "${table.prefix}/${key}"))
          ]
        ]
      ]
    ]))
    error_message = "a stage of the pipeline may delete of a table"
  }

  assert {
    condition = alltrue([
      for table in var.contract.tables : anytrue([
        for pattern in local.variants.commit.maintain.access.delete :
        can(regex("^${replace(pattern, "*", ".*")}$", "${table.prefix}/source=binance/x.parquet"))
      ])
    ])
    error_message = "maintenance cannot delete what was replaced in a table"
  }

  assert {
    condition = alltrue(flatten([
      for table in var.contract.tables : [
        for pattern in local.variants.commit.maintain.access.delete : [
          for key in ["${table.prefix}/_head.json", "${var.contract.prefixes.runs}/owed/20240101T000000Z-0.json"] :
          !can(regex("^${replace(pattern, "*", ".*")}$", key))
        ]
      ]
    ]))
    error_message = "maintenance may delete the head of a table, or what is owed"
  }

  assert {
    condition = alltrue([
      for table in var.contract.tables : anytrue([
        for pattern in local.variants.commit.maintain.access.delete :
        can(regex("^${replace(pattern, "*", ".*")}$", "${table.prefix}/_delta_log/00000000000000000000.json"))
      ])
    ])
    error_message = "maintenance cannot delete expired log entries"
  }

  # a budget counts its environment
  assert {
    condition     = join(" ", module.budget[0].filter) == "user:Environment$test"
    error_message = "a budget counts something else than its environment"
  }

  # without a key none is granted
  assert {
    condition     = alltrue(flatten([for stage in module.stage : [for given in stage.keys : length(given) == 0]]))
    error_message = "a task may use a key though the lake has none"
  }

  # a reader may ask and nothing else
  # Tables by name and folder; nothing of a run, no archive, no other workgroup.
  assert {
    condition = alltrue(flatten([
      for statement in data.aws_iam_policy_document.reader.statement : [
        for action in statement.actions : !can(regex("Delete|Create|Update|Put", action)) || (statement.sid == "KeepResults" && action == "s3:PutObject")
      ]
    ]))
    error_message = "a reader may change something"
  }

  assert {
    condition = alltrue(flatten([
      for key in ["runs/r/plan.json", "bronze/source=b/market=m/v/a.zip", "config/lake.yaml"] : [
        for pattern in local.read : !can(regex("^${replace(pattern, "*", ".*")}$", key))
      ]
    ]))
    error_message = "a reader may read more than tables"
  }

  assert {
    condition     = length([for resource in data.aws_iam_policy_document.reader.statement[1].resources : resource if strcontains(resource, ":table/")]) == length(var.contract.tables)
    error_message = "a reader may look up every table of the contract"
  }

  # which Athena looks for with every query
  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.reader.statement : statement.actions
      if anytrue([for resource in statement.resources : endswith(resource, ":database/default")])
    ])) == toset(["glue:GetDatabase"])
    error_message = "a reader must be able to look for the database `default`, and do nothing else to it"
  }

  # the rest of the machine knows every stage
  assert {
    condition     = length(setsubtract(var.contract.stages, keys(local.access))) == 0
    error_message = "access.tf must say what each stage of the contract may do"
  }
}

run "a_task_ends_itself_before_its_state_gives_it_up" {
  command = apply

  variables {
    config = "environment: test\naws: {region: eu-central-1}\nlimits: {run: {timeout_seconds: 3600}}\n"
  }

  # one number: what the program is told, and what its state waits for besides the time of its start
  assert {
    condition = alltrue(flatten([
      for stage in module.stage : [
        tonumber(stage.variables["MARKET_LAKE_TIME_LIMIT"]) == 3600 - var.contract.tasks.start_seconds,
        jsondecode(module.pipeline.definition).States["Plan the run"].TimeoutSeconds == 3600,
        jsondecode(module.pipeline.maintenance).States["Maintain the tables"].TimeoutSeconds == 3600,
      ]
    ]))
    error_message = "a task that is stuck must end itself, with a message, while its state and its run still wait"
  }
}

run "what_has_no_images_is_not_armed" {
  command = apply

  variables {
    config = "environment: test\naws: {region: eu-central-1, schedule: {enabled: true}}\n"
    # one image of six is none
    images = { plan = "x@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }

  assert {
    condition     = !module.pipeline.schedules.pipeline && !module.pipeline.schedules.maintain && !module.observability.watches_age
    error_message = "a schedule or the alarm on stale data is on before there is anything to run"
  }
}

run "with_its_images_it_is_armed" {
  command = apply

  variables {
    config = "environment: test\naws: {region: eu-central-1, schedule: {enabled: true}}\n"
    images = { for stage in jsondecode(file("../../contract.json")).stages : stage => "x@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }

  assert {
    condition     = module.pipeline.schedules.pipeline && module.pipeline.schedules.maintain && module.observability.watches_age
    error_message = "what is scheduled and has its images must run by itself"
  }
}

run "a_run_reads_the_configuration_that_it_began_with" {
  command = apply

  variables {
    config = "environment: test\naws: {region: eu-central-1}\nlimits: {run: {timeout_seconds: 604800}}\n"
  }

  # a week is the most that lake.yaml may say
  assert {
    condition     = module.lake.noncurrent_days * 86400 > 604800
    error_message = "an execution may take longer than the bucket keeps its lake.yaml"
  }

  assert {
    condition = alltrue([
      for stage in module.stage : alltrue([for task in stage.access : contains(task.versions, module.lake.config_key)])
    ])
    error_message = "a task may not read the version of lake.yaml that it is told"
  }
}

run "a_network_of_ones_own_is_taken" {
  command = apply

  variables {
    network = { subnets = ["subnet-own"], security_group = "sg-own" }
  }

  assert {
    condition = (
      length(module.network) == 0 &&
      jsondecode(module.pipeline.definition).States["Plan the run"].Arguments.NetworkConfiguration.AwsvpcConfiguration == {
        Subnets = ["subnet-own"], SecurityGroups = ["sg-own"], AssignPublicIp = "DISABLED"
      }
    )
    error_message = "tasks must run where they are told to, and no other VPC be made"
  }
}

run "a_key_of_ones_own_encrypts_the_lake_and_is_granted" {
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/own"
  }

  assert {
    condition = (
      module.lake.encryption == { algorithm = "aws:kms", key = var.kms_key_arn } &&
      length([for statement in data.aws_iam_policy_document.reader.statement : statement if contains(statement.resources, var.kms_key_arn)]) == 1
    )
    error_message = "the key must encrypt the bucket, and readers may use it"
  }

  # every task's, the stages' own and the variants
  assert {
    condition = length(flatten([for stage in module.stage : keys(stage.keys)])) > length(var.contract.stages) && alltrue(flatten([
      for stage in module.stage : [for given in stage.keys : join(" ", given) == var.kms_key_arn]
    ]))
    error_message = "a task may not use the key of the lake that it reads and writes"
  }
}
