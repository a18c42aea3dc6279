import uuid

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models

import connectors.states


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        TrigramExtension(),
        migrations.CreateModel(
            name='FirstAdminLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Pipeline',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=500)),
                ('name', models.CharField(max_length=300)),
                ('state', models.CharField(choices=[(connectors.states.State['RUNNING'], connectors.states.State['RUNNING']), (connectors.states.State['DEGRADED'], connectors.states.State['DEGRADED']), (connectors.states.State['FAILED'], connectors.states.State['FAILED']), (connectors.states.State['PAUSED'], connectors.states.State['PAUSED']), (connectors.states.State['STOPPED'], connectors.states.State['STOPPED']), (connectors.states.State['FINISHED'], connectors.states.State['FINISHED']), (connectors.states.State['UNCONFIGURED'], connectors.states.State['UNCONFIGURED']), (connectors.states.State['PROVISIONING'], connectors.states.State['PROVISIONING']), (connectors.states.State['STARTING'], connectors.states.State['STARTING']), (connectors.states.State['PAUSING'], connectors.states.State['PAUSING']), (connectors.states.State['RESUMING'], connectors.states.State['RESUMING']), (connectors.states.State['STOPPING'], connectors.states.State['STOPPING']), (connectors.states.State['RESTARTING'], connectors.states.State['RESTARTING']), (connectors.states.State['DELETING'], connectors.states.State['DELETING']), (connectors.states.State['UNKNOWN'], connectors.states.State['UNKNOWN'])], default=connectors.states.State['UNKNOWN'], max_length=20)),
                ('vendor_state', models.CharField(blank=True, max_length=200)),
                ('state_since', models.DateTimeField()),
                ('seen_at', models.DateTimeField(blank=True, null=True)),
                ('gone_at', models.DateTimeField(blank=True, null=True)),
                ('error', models.TextField(blank=True)),
                ('generation', models.CharField(blank=True, max_length=200)),
                ('labels', models.JSONField(blank=True, default=dict)),
                ('verbs_off', models.JSONField(blank=True, default=dict)),
                ('facts', models.JSONField(blank=True, default=dict)),
                ('memory', models.JSONField(blank=True, default=dict)),
                ('desired_state', models.CharField(blank=True, choices=[(connectors.states.State['RUNNING'], connectors.states.State['RUNNING']), (connectors.states.State['DEGRADED'], connectors.states.State['DEGRADED']), (connectors.states.State['FAILED'], connectors.states.State['FAILED']), (connectors.states.State['PAUSED'], connectors.states.State['PAUSED']), (connectors.states.State['STOPPED'], connectors.states.State['STOPPED']), (connectors.states.State['FINISHED'], connectors.states.State['FINISHED']), (connectors.states.State['UNCONFIGURED'], connectors.states.State['UNCONFIGURED']), (connectors.states.State['PROVISIONING'], connectors.states.State['PROVISIONING']), (connectors.states.State['STARTING'], connectors.states.State['STARTING']), (connectors.states.State['PAUSING'], connectors.states.State['PAUSING']), (connectors.states.State['RESUMING'], connectors.states.State['RESUMING']), (connectors.states.State['STOPPING'], connectors.states.State['STOPPING']), (connectors.states.State['RESTARTING'], connectors.states.State['RESTARTING']), (connectors.states.State['DELETING'], connectors.states.State['DELETING']), (connectors.states.State['UNKNOWN'], connectors.states.State['UNKNOWN'])], max_length=20, null=True)),
                ('desired_at', models.DateTimeField(blank=True, null=True)),
                ('desired_by', models.CharField(blank=True, max_length=150)),
                ('desired_reason', models.TextField(blank=True)),
                ('drift_since', models.DateTimeField(blank=True, null=True)),
                ('kind', models.CharField(blank=True, max_length=60)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True)),
                ('name', models.CharField(max_length=80)),
            ],
            options={
                'ordering': ['slug'],
            },
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('start', models.CharField(max_length=16)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['user_id', 'name'],
            },
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('action', models.CharField(max_length=100)),
                ('result', models.CharField(choices=[('requested', 'Requested'), ('done', 'Done'), ('refused', 'Refused'), ('failed', 'Failed'), ('observed', 'Observed')], max_length=20)),
                ('actor_kind', models.CharField(max_length=10)),
                ('actor', models.CharField(max_length=150)),
                ('actor_id', models.BigIntegerField(blank=True, null=True)),
                ('on_behalf_of', models.CharField(blank=True, max_length=150)),
                ('target_kind', models.CharField(blank=True, max_length=20)),
                ('target_id', models.CharField(blank=True, max_length=60)),
                ('target', models.CharField(blank=True, max_length=300)),
                ('vendor', models.CharField(blank=True, max_length=40)),
                ('account', models.CharField(blank=True, max_length=80)),
                ('team', models.CharField(blank=True, max_length=80)),
                ('reason', models.TextField(blank=True)),
                ('before', models.JSONField(blank=True, null=True)),
                ('after', models.JSONField(blank=True, null=True)),
                ('operation_id', models.UUIDField(blank=True, null=True)),
                ('error', models.TextField(blank=True)),
                ('vendor_request', models.TextField(blank=True)),
                ('vendor_reply', models.TextField(blank=True)),
                ('vendor_request_id', models.CharField(blank=True, max_length=120)),
                ('address', models.GenericIPAddressField(blank=True, null=True)),
                ('user_agent', models.CharField(blank=True, max_length=300)),
                ('request_id', models.CharField(blank=True, max_length=100)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['target_kind', 'target_id', '-id'], name='audit_of_target'), models.Index(fields=['actor', '-id'], name='audit_of_actor'), models.Index(fields=['action', '-id'], name='audit_of_action'), models.Index(fields=['at'], name='audit_at'), models.Index(fields=['operation_id'], name='audit_of_operation')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('operation_id__isnull', False), ('result__in', ['done', 'refused', 'failed'])), fields=('operation_id',), name='audit_one_outcome_per_operation')],
            },
        ),
        migrations.CreateModel(
            name='Connector',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=500)),
                ('name', models.CharField(max_length=300)),
                ('state', models.CharField(choices=[(connectors.states.State['RUNNING'], connectors.states.State['RUNNING']), (connectors.states.State['DEGRADED'], connectors.states.State['DEGRADED']), (connectors.states.State['FAILED'], connectors.states.State['FAILED']), (connectors.states.State['PAUSED'], connectors.states.State['PAUSED']), (connectors.states.State['STOPPED'], connectors.states.State['STOPPED']), (connectors.states.State['FINISHED'], connectors.states.State['FINISHED']), (connectors.states.State['UNCONFIGURED'], connectors.states.State['UNCONFIGURED']), (connectors.states.State['PROVISIONING'], connectors.states.State['PROVISIONING']), (connectors.states.State['STARTING'], connectors.states.State['STARTING']), (connectors.states.State['PAUSING'], connectors.states.State['PAUSING']), (connectors.states.State['RESUMING'], connectors.states.State['RESUMING']), (connectors.states.State['STOPPING'], connectors.states.State['STOPPING']), (connectors.states.State['RESTARTING'], connectors.states.State['RESTARTING']), (connectors.states.State['DELETING'], connectors.states.State['DELETING']), (connectors.states.State['UNKNOWN'], connectors.states.State['UNKNOWN'])], default=connectors.states.State['UNKNOWN'], max_length=20)),
                ('vendor_state', models.CharField(blank=True, max_length=200)),
                ('state_since', models.DateTimeField()),
                ('seen_at', models.DateTimeField(blank=True, null=True)),
                ('gone_at', models.DateTimeField(blank=True, null=True)),
                ('error', models.TextField(blank=True)),
                ('generation', models.CharField(blank=True, max_length=200)),
                ('labels', models.JSONField(blank=True, default=dict)),
                ('verbs_off', models.JSONField(blank=True, default=dict)),
                ('facts', models.JSONField(blank=True, default=dict)),
                ('memory', models.JSONField(blank=True, default=dict)),
                ('desired_state', models.CharField(blank=True, choices=[(connectors.states.State['RUNNING'], connectors.states.State['RUNNING']), (connectors.states.State['DEGRADED'], connectors.states.State['DEGRADED']), (connectors.states.State['FAILED'], connectors.states.State['FAILED']), (connectors.states.State['PAUSED'], connectors.states.State['PAUSED']), (connectors.states.State['STOPPED'], connectors.states.State['STOPPED']), (connectors.states.State['FINISHED'], connectors.states.State['FINISHED']), (connectors.states.State['UNCONFIGURED'], connectors.states.State['UNCONFIGURED']), (connectors.states.State['PROVISIONING'], connectors.states.State['PROVISIONING']), (connectors.states.State['STARTING'], connectors.states.State['STARTING']), (connectors.states.State['PAUSING'], connectors.states.State['PAUSING']), (connectors.states.State['RESUMING'], connectors.states.State['RESUMING']), (connectors.states.State['STOPPING'], connectors.states.State['STOPPING']), (connectors.states.State['RESTARTING'], connectors.states.State['RESTARTING']), (connectors.states.State['DELETING'], connectors.states.State['DELETING']), (connectors.states.State['UNKNOWN'], connectors.states.State['UNKNOWN'])], max_length=20, null=True)),
                ('desired_at', models.DateTimeField(blank=True, null=True)),
                ('desired_by', models.CharField(blank=True, max_length=150)),
                ('desired_reason', models.TextField(blank=True)),
                ('drift_since', models.DateTimeField(blank=True, null=True)),
                ('type', models.CharField(blank=True, max_length=200)),
                ('direction', models.CharField(choices=[(connectors.states.Direction['SOURCE'], connectors.states.Direction['SOURCE']), (connectors.states.Direction['SINK'], connectors.states.Direction['SINK']), (connectors.states.Direction['UNKNOWN'], connectors.states.Direction['UNKNOWN'])], default=connectors.states.Direction['UNKNOWN'], max_length=10)),
                ('tasks', models.JSONField(blank=True, default=list)),
                ('tasks_total', models.PositiveIntegerField(default=0)),
                ('tasks_failed', models.PositiveIntegerField(default=0)),
                ('error_trace', models.TextField(blank=True)),
                ('whose', models.CharField(blank=True, max_length=10)),
                ('config', models.JSONField(blank=True, default=dict)),
                ('console_url', models.CharField(blank=True, max_length=500)),
                ('metrics', models.JSONField(blank=True, default=dict)),
                ('flow', models.JSONField(blank=True, default=list)),
                ('urgency', models.PositiveSmallIntegerField(default=6)),
                ('pipeline', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='connectors', to='connectors.pipeline')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='connectors', to='connectors.team')),
            ],
            options={
                'ordering': ['urgency', 'name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='VendorAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('vendor', models.SlugField(max_length=40)),
                ('name', models.CharField(max_length=80, unique=True)),
                ('base_url', models.CharField(max_length=500)),
                ('settings', models.JSONField(blank=True, default=dict)),
                ('sealed_credentials', models.BinaryField(default=b'')),
                ('created_at', models.DateTimeField()),
                ('is_enabled', models.BooleanField(default=True)),
                ('interval', models.FloatField(default=15.0)),
                ('budget', models.FloatField(default=60.0)),
                ('observed_at', models.DateTimeField(blank=True, null=True)),
                ('observed_version', models.CharField(blank=True, max_length=80)),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
                ('failure', models.TextField(blank=True)),
                ('failure_kind', models.CharField(blank=True, max_length=40)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('unread', models.JSONField(blank=True, default=list)),
                ('rows_seen', models.PositiveIntegerField(default=0)),
                ('rows_expected', models.PositiveIntegerField(default=0)),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('not_before', models.DateTimeField(blank=True, null=True)),
                ('lease_number', models.BigIntegerField(default=0)),
                ('lease_owner', models.CharField(blank=True, max_length=120)),
                ('leased_until', models.DateTimeField(blank=True, null=True)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='connectors.team')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.AddField(
            model_name='pipeline',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pipelines', to='connectors.vendoraccount'),
        ),
        migrations.CreateModel(
            name='Operation',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[(connectors.states.Verb['START'], connectors.states.Verb['START']), (connectors.states.Verb['PAUSE'], connectors.states.Verb['PAUSE']), (connectors.states.Verb['RESUME'], connectors.states.Verb['RESUME']), (connectors.states.Verb['STOP'], connectors.states.Verb['STOP']), (connectors.states.Verb['FORCE_STOP'], connectors.states.Verb['FORCE_STOP']), (connectors.states.Verb['RESTART'], connectors.states.Verb['RESTART']), (connectors.states.Verb['RESTART_FAILED'], connectors.states.Verb['RESTART_FAILED']), (connectors.states.Verb['SYNC_NOW'], connectors.states.Verb['SYNC_NOW'])], max_length=20)),
                ('status', models.CharField(choices=[(connectors.states.OperationStatus['QUEUED'], connectors.states.OperationStatus['QUEUED']), (connectors.states.OperationStatus['SENT'], connectors.states.OperationStatus['SENT']), (connectors.states.OperationStatus['ACCEPTED'], connectors.states.OperationStatus['ACCEPTED']), (connectors.states.OperationStatus['CONVERGING'], connectors.states.OperationStatus['CONVERGING']), (connectors.states.OperationStatus['CONFIRMED'], connectors.states.OperationStatus['CONFIRMED']), (connectors.states.OperationStatus['FAILED'], connectors.states.OperationStatus['FAILED']), (connectors.states.OperationStatus['TIMED_OUT'], connectors.states.OperationStatus['TIMED_OUT']), (connectors.states.OperationStatus['OVERRIDDEN'], connectors.states.OperationStatus['OVERRIDDEN']), (connectors.states.OperationStatus['CANCELLED'], connectors.states.OperationStatus['CANCELLED'])], default=connectors.states.OperationStatus['QUEUED'], max_length=20)),
                ('actor', models.CharField(max_length=150)),
                ('reason', models.TextField(blank=True)),
                ('idempotency_key', models.CharField(blank=True, max_length=200, null=True)),
                ('request_id', models.CharField(blank=True, max_length=100)),
                ('state_before', models.CharField(choices=[(connectors.states.State['RUNNING'], connectors.states.State['RUNNING']), (connectors.states.State['DEGRADED'], connectors.states.State['DEGRADED']), (connectors.states.State['FAILED'], connectors.states.State['FAILED']), (connectors.states.State['PAUSED'], connectors.states.State['PAUSED']), (connectors.states.State['STOPPED'], connectors.states.State['STOPPED']), (connectors.states.State['FINISHED'], connectors.states.State['FINISHED']), (connectors.states.State['UNCONFIGURED'], connectors.states.State['UNCONFIGURED']), (connectors.states.State['PROVISIONING'], connectors.states.State['PROVISIONING']), (connectors.states.State['STARTING'], connectors.states.State['STARTING']), (connectors.states.State['PAUSING'], connectors.states.State['PAUSING']), (connectors.states.State['RESUMING'], connectors.states.State['RESUMING']), (connectors.states.State['STOPPING'], connectors.states.State['STOPPING']), (connectors.states.State['RESTARTING'], connectors.states.State['RESTARTING']), (connectors.states.State['DELETING'], connectors.states.State['DELETING']), (connectors.states.State['UNKNOWN'], connectors.states.State['UNKNOWN'])], max_length=20)),
                ('generation_before', models.CharField(blank=True, max_length=200)),
                ('desired_before', models.CharField(blank=True, max_length=20, null=True)),
                ('requested_at', models.DateTimeField()),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('converging_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('deadline_at', models.DateTimeField()),
                ('not_before', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('lease_number', models.BigIntegerField(default=0)),
                ('vendor_operation_id', models.CharField(blank=True, max_length=200)),
                ('proof', models.TextField(blank=True)),
                ('has_seen_change', models.BooleanField(default=False)),
                ('error', models.TextField(blank=True)),
                ('vendor_request', models.TextField(blank=True)),
                ('vendor_reply', models.TextField(blank=True)),
                ('connector', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='operations', to='connectors.connector')),
                ('token', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='operations', to='connectors.apitoken')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='operations', to=settings.AUTH_USER_MODEL)),
                ('pipeline', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='operations', to='connectors.pipeline')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='operations', to='connectors.vendoraccount')),
            ],
            options={
                'ordering': ['-requested_at'],
            },
        ),
        migrations.AddField(
            model_name='connector',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='connectors', to='connectors.vendoraccount'),
        ),
        migrations.CreateModel(
            name='SiteMembership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[(connectors.states.SiteRole['ADMIN'], connectors.states.SiteRole['ADMIN']), (connectors.states.SiteRole['AUDITOR'], connectors.states.SiteRole['AUDITOR'])], max_length=20)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='site_membership', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('role__in', [connectors.states.SiteRole['ADMIN'], connectors.states.SiteRole['AUDITOR']])), name='site_role_known')],
            },
        ),
        migrations.CreateModel(
            name='StateChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('before', models.CharField(blank=True, choices=[(connectors.states.State['RUNNING'], connectors.states.State['RUNNING']), (connectors.states.State['DEGRADED'], connectors.states.State['DEGRADED']), (connectors.states.State['FAILED'], connectors.states.State['FAILED']), (connectors.states.State['PAUSED'], connectors.states.State['PAUSED']), (connectors.states.State['STOPPED'], connectors.states.State['STOPPED']), (connectors.states.State['FINISHED'], connectors.states.State['FINISHED']), (connectors.states.State['UNCONFIGURED'], connectors.states.State['UNCONFIGURED']), (connectors.states.State['PROVISIONING'], connectors.states.State['PROVISIONING']), (connectors.states.State['STARTING'], connectors.states.State['STARTING']), (connectors.states.State['PAUSING'], connectors.states.State['PAUSING']), (connectors.states.State['RESUMING'], connectors.states.State['RESUMING']), (connectors.states.State['STOPPING'], connectors.states.State['STOPPING']), (connectors.states.State['RESTARTING'], connectors.states.State['RESTARTING']), (connectors.states.State['DELETING'], connectors.states.State['DELETING']), (connectors.states.State['UNKNOWN'], connectors.states.State['UNKNOWN'])], max_length=20)),
                ('after', models.CharField(choices=[(connectors.states.State['RUNNING'], connectors.states.State['RUNNING']), (connectors.states.State['DEGRADED'], connectors.states.State['DEGRADED']), (connectors.states.State['FAILED'], connectors.states.State['FAILED']), (connectors.states.State['PAUSED'], connectors.states.State['PAUSED']), (connectors.states.State['STOPPED'], connectors.states.State['STOPPED']), (connectors.states.State['FINISHED'], connectors.states.State['FINISHED']), (connectors.states.State['UNCONFIGURED'], connectors.states.State['UNCONFIGURED']), (connectors.states.State['PROVISIONING'], connectors.states.State['PROVISIONING']), (connectors.states.State['STARTING'], connectors.states.State['STARTING']), (connectors.states.State['PAUSING'], connectors.states.State['PAUSING']), (connectors.states.State['RESUMING'], connectors.states.State['RESUMING']), (connectors.states.State['STOPPING'], connectors.states.State['STOPPING']), (connectors.states.State['RESTARTING'], connectors.states.State['RESTARTING']), (connectors.states.State['DELETING'], connectors.states.State['DELETING']), (connectors.states.State['UNKNOWN'], connectors.states.State['UNKNOWN'])], max_length=20)),
                ('vendor_state', models.CharField(blank=True, max_length=200)),
                ('at', models.DateTimeField()),
                ('cause', models.CharField(choices=[('first_seen', 'First Seen'), ('operation', 'Operation'), ('outside', 'Outside'), ('unknown', 'Unknown')], max_length=20)),
                ('connector', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='state_changes', to='connectors.connector')),
                ('operation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='state_changes', to='connectors.operation')),
                ('pipeline', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='state_changes', to='connectors.pipeline')),
            ],
            options={
                'ordering': ['-at', '-id'],
                'indexes': [models.Index(fields=['connector', '-at'], name='change_of_connector'), models.Index(fields=['pipeline', '-at'], name='change_of_pipeline')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('connector__isnull', True), ('pipeline__isnull', False)), models.Q(('connector__isnull', False), ('pipeline__isnull', True)), _connector='OR'), name='state_change_one_target')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[(connectors.states.Role['VIEWER'], connectors.states.Role['VIEWER']), (connectors.states.Role['OPERATOR'], connectors.states.Role['OPERATOR']), (connectors.states.Role['LEAD'], connectors.states.Role['LEAD'])], max_length=20)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='connectors.team')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'team'), name='membership_once'), models.CheckConstraint(condition=models.Q(('role__in', [connectors.states.Role['VIEWER'], connectors.states.Role['OPERATOR'], connectors.states.Role['LEAD']])), name='membership_role_known')],
            },
        ),
        migrations.AddIndex(
            model_name='vendoraccount',
            index=models.Index(condition=models.Q(('is_enabled', True)), fields=['due_at'], name='account_due'),
        ),
        migrations.AddConstraint(
            model_name='pipeline',
            constraint=models.UniqueConstraint(fields=('account', 'external_id'), name='pipeline_once'),
        ),
        migrations.AddIndex(
            model_name='operation',
            index=models.Index(condition=models.Q(('status__in', (connectors.states.OperationStatus['QUEUED'], connectors.states.OperationStatus['SENT'], connectors.states.OperationStatus['ACCEPTED'], connectors.states.OperationStatus['CONVERGING']))), fields=['account'], name='operation_open'),
        ),
        migrations.AddIndex(
            model_name='operation',
            index=models.Index(fields=['connector', '-requested_at'], name='operation_of_connector'),
        ),
        migrations.AddIndex(
            model_name='operation',
            index=models.Index(fields=['pipeline', '-requested_at'], name='operation_of_pipeline'),
        ),
        migrations.AddConstraint(
            model_name='operation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('connector__isnull', True), ('pipeline__isnull', False)), models.Q(('connector__isnull', False), ('pipeline__isnull', True)), _connector='OR'), name='operation_one_target'),
        ),
        migrations.AddConstraint(
            model_name='operation',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', (connectors.states.OperationStatus['QUEUED'], connectors.states.OperationStatus['SENT'], connectors.states.OperationStatus['ACCEPTED'], connectors.states.OperationStatus['CONVERGING']))), fields=('connector',), name='operation_one_open_per_connector'),
        ),
        migrations.AddConstraint(
            model_name='operation',
            constraint=models.UniqueConstraint(condition=models.Q(('connector__isnull', True), ('status__in', (connectors.states.OperationStatus['QUEUED'], connectors.states.OperationStatus['SENT'], connectors.states.OperationStatus['ACCEPTED'], connectors.states.OperationStatus['CONVERGING']))), fields=('pipeline',), name='operation_one_open_per_pipeline'),
        ),
        migrations.AddConstraint(
            model_name='operation',
            constraint=models.UniqueConstraint(condition=models.Q(('idempotency_key__isnull', False)), fields=('actor', 'idempotency_key'), name='operation_key_once'),
        ),
        migrations.AddIndex(
            model_name='connector',
            index=models.Index(fields=['urgency', 'name', 'id'], name='connector_board'),
        ),
        migrations.AddIndex(
            model_name='connector',
            index=models.Index(fields=['team', 'urgency', 'name', 'id'], name='connector_team_board'),
        ),
        migrations.AddIndex(
            model_name='connector',
            index=django.contrib.postgres.indexes.GinIndex(fields=['name'], name='connector_name_search', opclasses=['gin_trgm_ops']),
        ),
        migrations.AddConstraint(
            model_name='connector',
            constraint=models.UniqueConstraint(fields=('account', 'external_id'), name='connector_once'),
        ),
    ]
