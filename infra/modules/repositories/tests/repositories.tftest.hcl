mock_provider "aws" {}

variables {
  environment = "test"
  stages      = ["plan", "silver"]
}

run "every_stage_has_one_with_tags_that_stay" {
  command = apply

  assert {
    condition = (
      { for stage, repository in aws_ecr_repository.this : stage => repository.name } == { plan = "market-lake/test/plan", silver = "market-lake/test/silver" } &&
      toset(keys(output.urls)) == var.stages && toset(keys(output.arns)) == var.stages
    )
    error_message = "a stage has no repository, or one of another name than xtask pushes to"
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push])
    error_message = "a tag always means the same image, and every image is scanned"
  }

  assert {
    condition     = alltrue([for policy in aws_ecr_lifecycle_policy.this : jsondecode(policy.policy).rules[0].selection.countNumber == 5])
    error_message = "images of the last deployments are kept, older ones go"
  }
}

run "one_image_is_not_enough" {
  command = plan

  variables {
    kept_images = 1
  }

  expect_failures = [var.kept_images]
}

run "no_stage_is_refused" {
  command = plan

  variables {
    stages = []
  }

  expect_failures = [var.stages]
}
