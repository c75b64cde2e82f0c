# What each stage does to which keys of the lake: its code, in S3's words. Folders, never the bucket.
# A worker (bronze, silver, gold) has no way to a table's log: only `commit` and `check` write tables.

locals {
  prefix = var.contract.prefixes

  # the data files of a zone's tables, without their logs and heads: below the first partition, or by
  # how their names end where there is none
  data_files = {
    for zone in ["bronze", "silver", "gold", "ops"] : zone => sort([
      for table in var.contract.tables :
      length(table.partitions) > 0 ? "${table.prefix}/${table.partitions[0]}=*" : "${table.prefix}/*.parquet"
      if table.schema == zone
    ])
  }

  # whole tables of a zone
  tables = {
    for zone in ["bronze", "silver", "gold", "ops"] : zone => sort([
      for table in var.contract.tables : "${table.prefix}/*" if table.schema == zone
    ])
  }

  # the logs of all tables of a zone, and the heads that say how far a log has come. Not table by table: a role's
  # policy has room for so many letters
  logs = {
    for zone in ["bronze", "silver", "gold", "ops"] : zone => ["${zone}/*/_delta_log/*", "${zone}/*/_head.json"]
  }

  all_logs = concat(local.logs.bronze, local.logs.silver, local.logs.gold, local.logs.ops)
  archives = "${local.prefix.bronze}/source=*"
  index    = "${local.prefix.index}/*"
  batches  = "${local.prefix.runs}/*/batches/*"
  config   = "config/*"
  # files that people put there, a folder a source: no role of ours does
  drop = "drop/*"
  # what sources said of their instruments
  told = "${local.prefix.bronze}/instruments/*"
  # what was asked of sources that count, which all tasks of all runs keep together
  limits = "${local.prefix.bronze}/limits/*"

  owed = "${local.prefix.runs}/owed/*"
  # the one table of silver whose files no worker makes: what plans tell of instruments
  instruments = "${local.prefix.silver}/instruments/*"

  fragments = { for stage in ["bronze", "silver", "tail", "gold"] : stage => "${local.prefix.runs}/*/fragments/${stage}/*" }

  stage_access = {
    plan = {
      # whether the tables' logs are whole: what one has lost would not be planned
      read  = concat([local.index, local.drop, local.told, "${local.prefix.runs}/*/plan.json"], local.all_logs)
      list  = concat([local.index, local.drop, local.told, local.owed], local.all_logs)
      write = ["${local.prefix.runs}/*/plan.json", local.batches, local.told]
    }
    bronze = {
      read  = [local.batches, local.index, local.archives, local.drop, local.limits]
      list  = ["${local.prefix.runs}/*", local.index, local.archives, local.drop]
      write = [local.archives, local.limits, local.fragments.bronze]
    }
    silver = {
      read  = [local.batches, local.fragments.bronze, local.fragments.silver, local.archives]
      list  = ["${local.prefix.runs}/*"]
      write = concat(local.data_files.silver, [local.fragments.silver, local.fragments.tail])
    }
    commit = {
      read = concat(
        ["${local.prefix.runs}/*", local.index],
        local.tables.bronze, local.tables.silver, local.tables.gold, local.tables.ops,
      )
      list = concat(
        ["${local.prefix.runs}/*", local.index],
        local.tables.bronze, local.tables.silver, local.tables.gold, local.tables.ops,
      )
      # it names the files that workers wrote, and writes the small tables itself
      write = concat(
        [local.index, "${local.prefix.runs}/*/dirty.json", "${local.prefix.runs}/*/taken.json", local.owed, local.instruments],
        local.tables.bronze, local.tables.ops, local.logs.silver, local.logs.gold,
      )
      # the extract's oldest, and what is no longer owed: no data and no log
      delete = [local.index, local.owed]
    }
    gold = {
      read  = concat(["${local.prefix.runs}/*/dirty.json", "${local.prefix.runs}/*/taken.json", local.fragments.gold], local.tables.silver, local.tables.gold)
      list  = concat(local.tables.silver, local.tables.gold)
      write = concat(local.data_files.gold, [local.fragments.gold])
    }
    check = {
      read = concat(
        ["${local.prefix.runs}/*/plan.json", "${local.prefix.runs}/*/dirty.json", local.fragments.tail, local.index],
        local.tables.bronze, local.tables.silver, local.tables.gold, local.tables.ops,
      )
      list  = concat([local.index, local.fragments.tail], local.tables.bronze, local.tables.silver, local.tables.gold, local.tables.ops)
      write = ["${local.prefix.ops}/coverage/*", "${local.prefix.ops}/checks/*", "${local.prefix.runs}/*/verdict.json"]
    }
  }

  # What further tasks of a stage's image may do. `commit maintain` writes checkpoints and deletes what
  # nothing needs any more: the one task that may delete anything of a table.
  variants = {
    commit = {
      maintain = {
        access = {
          read  = concat([local.config], local.stage_access.commit.read)
          list  = concat([local.limits], local.stage_access.commit.list)
          write = concat([local.index], local.tables.bronze, local.tables.ops, local.logs.silver, local.logs.gold)
          # data files and log entries, never the head that tells what a log has lost
          delete = concat(
            # of what was asked of sources the notes below, never what was spent
            [local.index, local.batches, "${local.prefix.runs}/*/fragments/*", "${local.prefix.bronze}/limits/*/*"],
            flatten([for zone in ["bronze", "silver", "gold", "ops"] : local.data_files[zone]]),
            [for zone in ["bronze", "silver", "gold", "ops"] : "${zone}/*/_delta_log/*"],
          )
        }
      }
    }
  }

  access = {
    for stage, access in local.stage_access : stage => merge(access, { read = concat([local.config], access.read) })
  }
}
