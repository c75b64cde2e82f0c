#!/usr/bin/env python3
"""Fails on a wildcard in what any role of ours may do, outside of a short list with reasons, on a policy that
is longer than AWS takes, and on what a role is given and the boundary takes away.

    python3 infra/tests/iam.py                         # every policy that Terraform plans
    python3 infra/tests/iam.py --prove                 # that the rules refuse what they should
    python3 infra/tests/iam.py --test MODULE FOLDER    # a module's tests, and keep what they made of policies
    python3 infra/tests/iam.py --judge FOLDER          # every policy that was kept

Runs `terraform test` with its mocked provider in the modules below and reads the policies out of the
states that it prints: no account, no network, nothing but Terraform and its provider. A module must be
initialised (`terraform init -backend=false`). Deny statements may be as wide as they like.

CI runs these modules' tests once, by `--test`, for both.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = ["infra/modules/environment", "infra/bootstrap"]
JUDGED = ("aws_iam_policy_document", "aws_iam_role_policy_attachment", "aws_iam_policy_attachment")

# What may hold a `*` or `?`: actions that these match, and for them resources that match. Why stands behind.
ALLOWED = [
    # the token is for the whole registry; the action knows no resource
    (r"ecr:GetAuthorizationToken", r"\*"),
    # delivery of a state machine's logs knows no resource
    (r"logs:(Create|Delete|Get|Update)LogDelivery|logs:ListLogDeliveries", r"\*"),
    (r"logs:(PutResourcePolicy|DescribeResourcePolicies|DescribeLogGroups)", r"\*"),
    # tracing knows no resource
    (r"xray:(PutTraceSegments|PutTelemetryRecords|GetSamplingRules|GetSamplingTargets)", r"\*"),
    # objects below a folder of the lake, also one of each run, or one name in each run
    (
        r"s3:(GetObject|PutObject|DeleteObject|AbortMultipartUpload)",
        r"arn:aws:s3:::[^*/]+/[a-z_-]+/([a-z_]+/|\*/[a-z_/]+/|\*/)*([a-z_]+=\*|\*|[a-z_]+\.json|\*\.parquet)",
    ),
    # ECS and Step Functions make up the last part of these names
    (r"logs:(CreateLogStream|PutLogEvents)", r"arn:aws:logs:[^*]+:log-stream:run/[a-z]+/\*"),
    (r"ecs:(DescribeTasks|StopTask|TagResource)", r"arn:aws:ecs:[^*]+:task/market-lake-[a-z0-9]+/\*"),
    (
        r"states:(DescribeExecution|StopExecution)",
        r"arn:aws:states:[^*]+:execution:market-lake-[a-z0-9]+-pipeline(/[a-z]+)?:\*",
    ),
    # Secrets Manager ends the ARN of a secret with letters of its own
    (r"secretsmanager:GetSecretValue", r"arn:aws:secretsmanager:[^*?]+:secret:[^*?]+-\?{6}"),
    # an execution goes on with the revision that it began with
    (r"ecs:RunTask", r"arn:aws:ecs:[^*]+:task-definition/[^*/:]+:\*"),
]

# Policies that grant to whoever deploys, or that only bound others. Actions by name there too; resources
# may end in a `*` behind the project's name.
WIDE = re.compile(r"^data\.aws_iam_policy_document\.(boundary|deploy|look)\b")
WIDE_ALLOWED = [
    (r"[a-z0-9-]+:[A-Za-z0-9]+", r"arn:aws:[a-z0-9-]+:[^*]*market[-_]lake[-_/][^*]*\*(/\*|/config/\*)?"),
    # descriptions and lists that know no resource
    (r"(ec2|ecs|logs|servicequotas|states|tag):(Describe|List|Get|Validate)[A-Za-z0-9]+", r"\*"),
    (r"athena:ListWorkGroups|cloudwatch:ListDashboards|s3:ListAllMyBuckets|sqs:ListQueues", r"\*"),
    # asked without names, or by a prefix, AWS judges these on all that there are
    (r"cloudwatch:DescribeAlarms", r"\*"),
    (r"ecr:DescribeRepositories", r"arn:aws:ecr:[a-z0-9-]+:[0-9]{12}:repository/\*"),
    # a boundary knows no key by name; the condition holds it to S3
    (r"kms:(Decrypt|GenerateDataKey)", r"arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/\*"),
    # the zone of an endpoint's private name is AWS's own
    (r"route53:AssociateVPCWithHostedZone", r"arn:aws:route53:::hostedzone/\*"),
    # AWS makes up the names of networks; which ones are meant, conditions on their tags say
    (r"ec2:[A-Za-z]+", r"arn:aws:ec2:[a-z0-9-]+:[0-9]{12}:([a-z-]+|\*)/\*"),
    # knows no resource
    (r"ecs:DeregisterTaskDefinition", r"\*"),
]

# Letters without white space: of a policy of its own, of one written into a role.
LONGEST, LONGEST_INLINE = 6144, 10240


def letters(statements):
    """How long a policy is as AWS counts."""
    written = []
    for statement in statements:
        conditions = {}
        for condition in statement.get("condition") or []:
            conditions.setdefault(condition["test"], {})[condition["variable"]] = condition["values"]
        written.append(
            {
                "Sid": statement.get("sid") or "",
                "Effect": "Allow",
                "Action": statement.get("actions") or [],
                "Resource": statement.get("resources") or [],
                "Condition": conditions,
            }
        )
    return len(json.dumps({"Version": "2012-10-17", "Statement": written}, separators=(",", ":")))


def faults(address, statement, allowed):
    """What is wrong with one statement, as sentences; the entries of `allowed` that it used."""
    wrong, used = [], set()
    if (statement.get("effect") or "Allow") != "Allow":
        return wrong, used
    name = f"{address}: {statement.get('sid') or 'a statement'}"
    if statement.get("not_actions") or statement.get("not_resources"):
        wrong.append(f"{name} allows all but something, expected what it allows")
    for principal in statement.get("principals") or []:
        if "*" in principal["identifiers"]:
            wrong.append(f"{name} allows everybody, expected a service or role")
    for action in statement.get("actions") or []:
        if re.search(r"[*?]", action):
            wrong.append(f"{name} allows `{action}`, expected actions by name")
            continue
        for resource in statement.get("resources") or []:
            if not re.search(r"[*?]", resource):
                continue
            entry = next((e for e in allowed if re.fullmatch(e[0], action) and re.fullmatch(e[1], resource)), None)
            if entry is None:
                wrong.append(f"{name} allows `{action}` on `{resource}`, expected a resource by name")
            else:
                used.add(entry)
    return wrong, used


def judged(module):
    """What is judged of a state, nested modules too."""
    yield from (resource for resource in module.get("resources", []) if resource["type"] in JUDGED)
    for child in module.get("child_modules", []):
        yield from judged(child)


def tested(module, tell):
    """What is judged of the states that a module's tests print, one a run that applies. `tell` hears all else."""
    command = ["terraform", f"-chdir={module}", "test", "-json", "-verbose"]
    found = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            # a plan is no state, and long: all that the provider knows is in it
            if '"test_plan":' in line[:1000]:
                continue
            message = json.loads(line)
            if message.get("type") == "test_state":
                found.extend(judged(message["test_state"].get("root_module", {})))
            else:
                tell(message)
    if process.returncode != 0:
        sys.exit(f"{module}: terraform test failed; type `terraform -chdir={module} test`")
    return found


def errors(message):
    """Tells what went wrong, and where."""
    if message.get("@level") == "error":
        of = message.get("diagnostic", {})
        place = of.get("range", {})
        where = f"{place['filename']}:{place['start']['line']}: " if place else ""
        print(f"{where}{message['@message']}: {of.get('detail', '')}")


def progress(message):
    """Tells what went wrong, and what became of each test."""
    errors(message)
    if message.get("type") == "test_summary" or message.get("test_run", {}).get("progress") == "complete":
        print(message["@message"])


def kept(folder, module):
    """Where what is judged of a module is kept."""
    return Path(folder) / f"{module.replace('/', '-')}.json"


def test(module, folder):
    """Runs a module's tests, and keeps what is judged of their states where all passed."""
    file = kept(folder, module)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(json.dumps(tested(module, progress)))
    return 0


def read(folder, module):
    """What was kept of a module."""
    file = kept(folder, module)
    if not file.is_file():
        sys.exit(f"{module}: its tests have not passed, or not run with `--test {module} {folder}`")
    return json.loads(file.read_text())


def check(resources):
    """Judges what `resources` finds of each module."""
    wrong, used, seen = set(), set(), 0
    # what roles of an environment are given, and what the boundary lets any of them do
    given, bounded = set(), set()
    for module in MODULES:
        for resource in resources(module):
            address, values = resource["address"], resource.get("values", {})
            if resource["type"] == "aws_iam_policy_document":
                wide = WIDE.match(address)
                allowed = ALLOWED + (WIDE_ALLOWED if wide else [])
                long, most = letters(values.get("statement") or []), LONGEST if wide else LONGEST_INLINE
                if long > most:
                    wrong.add(f"{address} is {long} letters long, expected at most {most}: split it")
                for statement in values.get("statement") or []:
                    seen += 1
                    if re.search(r"\.aws_iam_policy_document\.(task|execution|machine|scheduler)\b", address):
                        given.update(statement.get("actions") or [])
                    elif ".boundary" in address:
                        bounded.update(statement.get("actions") or [])
                    found, entries = faults(address, statement, allowed)
                    wrong.update(found)
                    used.update(entries)
            elif str(values.get("policy_arn", "")).startswith("arn:aws:iam::aws:"):
                wrong.add(f"{address} attaches a policy of AWS, expected one written here")
    unused = [e for e in ALLOWED + WIDE_ALLOWED if e not in used]
    wrong.update(f"nothing uses the exception {e[0]} on {e[1]}: take it out" for e in unused)
    wrong.update(f"the boundary of bootstrap does not let roles `{a}`, which one is given" for a in given - bounded)
    if seen == 0:
        wrong.add("no policy was found: does terraform still print `test_state`?")
    for line in sorted(wrong):
        print(line)
    print(f"{seen} statements, {len(wrong)} faults")
    return 1 if wrong else 0


def prove():
    """Each rule refuses what it is for, and lets through what it should."""
    bucket = "arn:aws:s3:::market-lake-dev-111122223333-eu-central-1"
    secrets = "arn:aws:secretsmanager:eu-central-1:111122223333:secret"
    executions = "arn:aws:states:eu:1:execution:market-lake-dev-pipeline"
    cases = [
        (False, {"actions": ["s3:*"], "resources": [f"{bucket}/runs/x"]}),
        (False, {"actions": ["s3:Get*"], "resources": [f"{bucket}/runs/x"]}),
        (False, {"actions": ["s3:GetObject"], "resources": ["*"]}),
        (False, {"actions": ["s3:GetObject"], "resources": [f"{bucket}/*"]}),
        (False, {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::*/runs/*"]}),
        (False, {"actions": ["iam:PassRole"], "resources": ["arn:aws:iam::111122223333:role/*"]}),
        (False, {"actions": ["ecs:RunTask"], "resources": ["arn:aws:ecs:eu:1:task-definition/*"]}),
        (False, {"actions": ["s3:ListBucket"], "resources": ["*"]}),
        (False, {"actions": ["states:StopExecution"], "resources": ["arn:aws:states:eu:1:execution:*"]}),
        (False, {"actions": ["secretsmanager:GetSecretValue"], "resources": [f"{secrets}:*"]}),
        (False, {"actions": ["secretsmanager:GetSecretValue"], "resources": [f"{secrets}:market-lake/dev/?????????"]}),
        (False, {"actions": ["secretsmanager:GetSecretValu?"], "resources": [f"{secrets}:market-lake/dev/a"]}),
        (False, {"actions": ["states:RedriveExecution"], "resources": [f"{executions}/batches:*"]}),
        (False, {"actions": ["sqs:SendMessage"], "resources": ["x"], "principals": [{"identifiers": ["*"]}]}),
        (False, {"not_actions": ["iam:PassRole"], "resources": ["x"]}),
        (True, {"actions": ["s3:GetObject"], "resources": [f"{bucket}/bronze/source=*", f"{bucket}/config/*"]}),
        (True, {"actions": ["s3:PutObject"], "resources": [f"{bucket}/runs/*/fragments/bronze/*"]}),
        (True, {"actions": ["states:StopExecution"], "resources": [f"{executions}:*", f"{executions}/batches:*"]}),
        (True, {"actions": ["ecr:GetAuthorizationToken"], "resources": ["*"]}),
        (True, {"actions": ["secretsmanager:GetSecretValue"], "resources": [f"{secrets}:market-lake/dev/a-??????"]}),
        (True, {"effect": "Deny", "actions": ["s3:*"], "resources": ["*"]}),
    ]
    wrong = [case for fine, case in cases if fine == bool(faults("case", case, ALLOWED)[0])]
    # what belongs to whoever deploys is nothing for the roles of the pipeline
    wide = [
        (False, {"actions": ["cloudwatch:PutMetricAlarm"], "resources": ["*"]}),
        (False, {"actions": ["s3:ListBucket"], "resources": ["*"]}),
        (False, {"actions": ["ecr:PutImage"], "resources": ["arn:aws:ecr:eu-central-1:111122223333:repository/*"]}),
        (False, {"actions": ["route53:ChangeResourceRecordSets"], "resources": ["arn:aws:route53:::hostedzone/*"]}),
        (False, {"actions": ["iam:PassRole"], "resources": ["arn:aws:iam::111122223333:role/*"]}),
        (False, {"actions": ["ec2:DeleteVpc"], "resources": ["*"]}),
        (True, {"actions": ["cloudwatch:DescribeAlarms", "s3:ListAllMyBuckets"], "resources": ["*"]}),
        (True, {"actions": ["sqs:DeleteQueue"], "resources": ["arn:aws:sqs:eu-central-1:1:market-lake-dev-*"]}),
    ]
    wrong += [case for fine, case in wide if fine == bool(faults("case", case, ALLOWED + WIDE_ALLOWED)[0])]
    wrong += [case for fine, case in wide if fine and not faults("case", case, ALLOWED)[0]]
    for case in wrong:
        print(f"judged wrongly: {json.dumps(case)}")
    print(f"{len(cases) + len(wide)} cases, {len(wrong)} judged wrongly")
    return 1 if wrong else 0


def main(args):
    match args:
        case []:
            return check(lambda module: tested(module, errors))
        case ["--prove"]:
            return prove()
        case ["--test", module, folder]:
            return test(module, folder)
        case ["--judge", folder]:
            return check(lambda module: read(folder, module))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
