# The state machine, put together from states/*.json.tftpl: the way of a run (pipeline), of a batch and
# of a symbol's bars, and one piece (job) for every task, so that all are retried by the same rules.
#
# A task that ECS cannot place never began: Fargate has no capacity or the account's quota of vCPU is used
# up by the tasks at work. Step Functions calls that AmazonECS.Unknown (RunTask answered, with failures and
# without a task) or by the error of RunTask. It costs none of the job's attempts: it is tried again for
# 35 minutes on average and 70 at most, from the third time on without Spot.
#
# Where ECS is asked too often for the network of a task, RunTask fails with ECS.InvalidParameterException, the
# error of a wrong argument too; so that is tried again four times in each attempt, four minutes at most.

locals {
  # name of the state, stage, command, what follows, where a failure for good goes
  jobs = {
    plan = {
      name    = "Plan the run", stage = "plan", next = "Look for batches", failed = "Tell of the failure"
      comment = "What the source offers against the ledger; a run that has a plan keeps it"
      command = "{% $count($resume) > 0 ? $resume : $append($append($append($append($append($from, $to), $reduce($sources, function($all, $one) { $append($all, ['--source', $one]) }, [])), $reduce($symbols, function($all, $one) { $append($all, ['--symbol', $one]) }, [])), $reduce($datasets, function($all, $one) { $append($all, ['--dataset', $one]) }, [])), $retry_bad) %}"
    }
    fetch = {
      name    = "Fetch batch", stage = "bronze", next = "Parse batch", failed = "Keep what was fetched"
      comment = "Archives as they are, verified"
      command = ["--batch", "{% $string($batch) %}"]
    }
    parse = {
      name    = "Parse batch", stage = "silver", next = "Whole batch done?", failed = "Set the batch aside"
      comment = "Archives to Parquet, exact"
      command = ["--batch", "{% $string($batch) %}"]
    }
    commit = {
      name    = "Commit tables", stage = "commit", next = "Build bars", failed = "Tell of the failure"
      comment = "One commit a table: from here on readers see the run"
      command = []
    }
    build = {
      name    = "Build bars of the symbol", stage = "gold", next = "Symbol done", failed = "Symbol failed"
      comment = "Bars and daily figures of what the run changed"
      command = ["--market", "{% $market %}", "--symbol", "{% $symbol %}"]
    }
    commit_gold = {
      name    = "Commit bars", stage = "commit", next = "Judge the lake", failed = "Are the bars old?"
      comment = "Exit 5 where silver has changed since, 1 where a symbol's bars were not built"
      command = ["--gold"]
    }
    check = {
      name    = "Judge the lake", stage = "check", next = "Close the run", failed = "Was the data refused?"
      comment = "Coverage, holes, bars against the exchange's own"
      command = []
    }
    # of the other machine
    maintain = {
      name    = "Maintain the tables", stage = "commit", next = "Maintained", failed = "Tell of the failure"
      comment = "Checkpoints; what no version of the last days needs is deleted"
      command = "{% $append(['maintain', '--days', '${var.maintenance.days}'], $dry_run) %}"
    }
  }

  # An item of a map may not give a variable the name of one of the run's: its own begin with its word.
  scopes = { fetch = "batch_", parse = "batch_", build = "symbol_" }
  names = {
    for scope in ["", "batch_", "symbol_"] : scope => { for word in ["run", "tries", "exit", "failure"] : word => "${scope}${word}" }
  }

  states = {
    for key, job in local.jobs : key => templatefile("${path.module}/states/job.json.tftpl", merge(job, {
      partition        = local.partition
      cluster          = aws_ecs_cluster.this.arn
      task_definition  = key == "maintain" ? var.maintenance.task_definition : var.task_definitions[job.stage]
      subnets          = var.network.subnets
      security_group   = var.network.security_group
      assign_public_ip = var.network.assign_public_ip
      spot             = var.spot && contains(["bronze", "silver"], job.stage)
      # a race that bars lost is lost until they are built again
      races    = key != "commit_gold"
      set      = local.names[lookup(local.scopes, key, "")]
      read     = { for word, name in local.names[lookup(local.scopes, key, "")] : word => format("$%s", name) }
      attempts = var.attempts
      timeout  = var.task_timeout_seconds
      # 15, 30, 60, 120, 240, then 300 seconds; jitter takes half of it on average
      capacity_attempts = 17
      wait              = var.wait_seconds
    }))
  }

  definition = templatefile("${path.module}/states/pipeline.json.tftpl", {
    partition                 = local.partition
    environment               = var.environment
    bucket                    = var.bucket
    runs                      = var.runs_prefix
    topic_arn                 = var.topic_arn
    run_timeout               = var.run_timeout_seconds
    concurrency               = var.concurrency
    tolerated_failure_percent = var.tolerated_failure_percent
    attempts                  = var.attempts
    plan                      = local.states["plan"]
    commit                    = local.states["commit"]
    commit_gold               = local.states["commit_gold"]
    check                     = local.states["check"]
    bars = templatefile("${path.module}/states/bars.json.tftpl", {
      build = local.states["build"]
    })
    batch = templatefile("${path.module}/states/batch.json.tftpl", {
      partition   = local.partition
      environment = var.environment
      queue_url   = aws_sqs_queue.failed_batches.url
      fetch       = local.states["fetch"]
      parse       = local.states["parse"]
    })
  })
  maintenance = templatefile("${path.module}/states/maintain.json.tftpl", {
    partition   = local.partition
    environment = var.environment
    topic_arn   = var.topic_arn
    run_timeout = var.run_timeout_seconds
    maintain    = local.states["maintain"]
  })
}
