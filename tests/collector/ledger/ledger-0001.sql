BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE alerts (
	id INTEGER NOT NULL, 
	agreement VARCHAR(127) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	severity VARCHAR(16) NOT NULL, 
	opened_ms BIGINT NOT NULL, 
	closed_ms BIGINT, 
	summary TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	close_reason TEXT, 
	facts JSON NOT NULL, 
	CONSTRAINT pk_alerts PRIMARY KEY (id)
);
INSERT INTO "alerts" VALUES(1,'acme/admira','down','critical',1772323200000,NULL,'1 of 1 down','100 % > 20 %',NULL,'{"down": 1}');
CREATE TABLE boots (
	device_id INTEGER NOT NULL, 
	boot VARCHAR(64) NOT NULL, 
	synced_mono_ms BIGINT, 
	synced_offset_ms BIGINT, 
	told_offset_ms BIGINT, 
	received_offset_ms BIGINT, 
	CONSTRAINT pk_boots PRIMARY KEY (device_id, boot)
);
INSERT INTO "boots" VALUES(1,'b1',0,1772323200000,NULL,NULL);
CREATE TABLE calendars (
	tenant VARCHAR(63) NOT NULL, 
	id VARCHAR(63) NOT NULL, 
	rules JSON NOT NULL, 
	CONSTRAINT pk_calendars PRIMARY KEY (tenant, id)
);
CREATE TABLE deliveries (
	id INTEGER NOT NULL, 
	alert_id INTEGER NOT NULL, 
	event VARCHAR(8) NOT NULL, 
	channel VARCHAR(63) NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_ms BIGINT NOT NULL, 
	delivered_ms BIGINT, 
	failed_ms BIGINT, 
	error TEXT, 
	CONSTRAINT pk_deliveries PRIMARY KEY (id)
);
INSERT INTO "deliveries" VALUES(1,1,'opened','noc',1,1772323200000,1772323200001,NULL,NULL);
CREATE TABLE devices (
	id INTEGER NOT NULL, 
	tenant VARCHAR(63) NOT NULL, 
	device VARCHAR(63) NOT NULL, 
	first_seen_ms BIGINT NOT NULL, 
	last_received_ms BIGINT NOT NULL, 
	interval_ms BIGINT NOT NULL, 
	boot VARCHAR(64), 
	mono_ms BIGINT DEFAULT '0' NOT NULL, 
	gone BOOLEAN NOT NULL, 
	hello JSON, 
	CONSTRAINT pk_devices PRIMARY KEY (id)
);
INSERT INTO "devices" VALUES(1,'acme','p1',1772323200000,1772334000000,15000,'b1',10800000,0,'{"agent": "0.1.0", "outputs": [{"id": "main", "probe": "mpv"}]}');
CREATE TABLE journal (
	id INTEGER NOT NULL, 
	at_ms BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	"key" TEXT NOT NULL, 
	"before" TEXT, 
	"after" TEXT, 
	previous_hash VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (id)
);
INSERT INTO "journal" VALUES(1,1772323200000,'ana','registry.tenant','acme',NULL,'{"id":"acme","name":"Ácme"}','0000000000000000000000000000000000000000000000000000000000000000','d64a7c387706c57240ffd010da1581f0eee5a891f61d4ea08653e39ab615fcea');
INSERT INTO "journal" VALUES(2,1772323200000,'ana','registry.site','acme/bcn',NULL,'{"id":"bcn","name":"Barcelona","tenant":"acme"}','d64a7c387706c57240ffd010da1581f0eee5a891f61d4ea08653e39ab615fcea','a393157c9904d69b34797f8491bde602a09c8fddbd30e0f8a8bb50f40897ef34');
INSERT INTO "journal" VALUES(3,1772323200000,'ana','registry.device','acme/p1',NULL,'{"id":"p1","name":"P1","role":"player","site":"bcn","tenant":"acme"}','a393157c9904d69b34797f8491bde602a09c8fddbd30e0f8a8bb50f40897ef34','f3779ff3f9c62f1640f89eeef3cf6a56539372564ab45bc7d52a0bcb434d2c73');
INSERT INTO "journal" VALUES(4,1772323200000,'ana','registry.output','acme/p1/main',NULL,'{"active_from_ms":null,"active_until_ms":null,"check":null,"contract":"admira","device":"p1","emission":"always","id":"main","kind":"player","name":"main","tenant":"acme"}','f3779ff3f9c62f1640f89eeef3cf6a56539372564ab45bc7d52a0bcb434d2c73','b558c3816785c0ab619bb4700c68f3bdce4529628459983babe63e160866aaf2');
INSERT INTO "journal" VALUES(5,1772323200000,'ana','window.planned','acme/window-1',NULL,'{"announced_at_ms":1772319600000,"announced_by":"ana","cancelled_at_ms":null,"cancelled_by":null,"cancelled_why":null,"end_ms":1772326800000,"id":1,"kind":"planned","occurrence":null,"start_ms":1772323200000,"subjects":["*"],"tenant":"acme","uid":null,"why":"new network"}','b558c3816785c0ab619bb4700c68f3bdce4529628459983babe63e160866aaf2','9edb39c56f2dc380801671ae8075131f2e3a105270ac3a925be28f92a3f92a3b');
INSERT INTO "journal" VALUES(6,1772323200000,'ana','ruling','acme/p1/main/ruling-1',NULL,'{"at_ms":1772334000000,"cause":"customer","end_ms":1772330400000,"id":1,"start_ms":1772326800000,"state":null,"subject":"acme/p1/main","tenant":"acme","who":"ana","why":"unplugged"}','9edb39c56f2dc380801671ae8075131f2e3a105270ac3a925be28f92a3f92a3b','c1774cf120759682064b22662119e7253c121d362333c085512e9f016032745f');
CREATE TABLE journal_head (
	id INTEGER NOT NULL, 
	entries INTEGER NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_journal_head PRIMARY KEY (id)
);
INSERT INTO "journal_head" VALUES(1,6,'c1774cf120759682064b22662119e7253c121d362333c085512e9f016032745f');
CREATE TABLE quarantine (
	id INTEGER NOT NULL, 
	received_ms BIGINT NOT NULL, 
	topic TEXT NOT NULL, 
	reason VARCHAR(32) NOT NULL, 
	detail TEXT NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_quarantine PRIMARY KEY (id)
);
INSERT INTO "quarantine" VALUES(1,1772323200000,'signwatch/v1/00/acme/p1/runs','malformed','no JSON',X'FF7B');
CREATE TABLE registered_devices (
	tenant VARCHAR(63) NOT NULL, 
	id VARCHAR(63) NOT NULL, 
	site VARCHAR(63), 
	name TEXT NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_registered_devices PRIMARY KEY (tenant, id)
);
INSERT INTO "registered_devices" VALUES('acme','p1','bcn','P1','player');
CREATE TABLE rulings (
	id INTEGER NOT NULL, 
	tenant VARCHAR(63) NOT NULL, 
	subject TEXT NOT NULL, 
	start_ms BIGINT NOT NULL, 
	end_ms BIGINT NOT NULL, 
	state VARCHAR(16), 
	cause VARCHAR(32), 
	at_ms BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	CONSTRAINT pk_rulings PRIMARY KEY (id)
);
INSERT INTO "rulings" VALUES(1,'acme','acme/p1/main',1772326800000,1772330400000,NULL,'customer',1772334000000,'ana','unplugged');
CREATE TABLE runs (
	device_id INTEGER NOT NULL, 
	spool VARCHAR(64) NOT NULL, 
	seq BIGINT NOT NULL, 
	output VARCHAR(63) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	cause VARCHAR(32), 
	detail TEXT, 
	closed BOOLEAN NOT NULL, 
	boot VARCHAR(64) NOT NULL, 
	end_boot VARCHAR(64) NOT NULL, 
	start_mono_ms BIGINT NOT NULL, 
	end_mono_ms BIGINT NOT NULL, 
	said_start_ms BIGINT NOT NULL, 
	said_end_ms BIGINT NOT NULL, 
	start_ms BIGINT NOT NULL, 
	end_ms BIGINT NOT NULL, 
	clock VARCHAR(9) NOT NULL, 
	CONSTRAINT pk_runs PRIMARY KEY (device_id, spool, seq)
)
 WITHOUT ROWID

;
INSERT INTO "runs" VALUES(1,'s1',1,'main','playing',NULL,NULL,1,'b1','b1',0,3600000,1772323200000,1772326800000,1772323200000,1772326800000,'synced');
INSERT INTO "runs" VALUES(1,'s1',2,'main','frozen',NULL,NULL,1,'b1','b1',3600000,7200000,1772326800000,1772330400000,1772326800000,1772330400000,'synced');
INSERT INTO "runs" VALUES(1,'s1',3,'main','playing',NULL,NULL,0,'b1','b1',7200000,10800000,1772330400000,1772334000000,1772330400000,1772334000000,'synced');
CREATE TABLE sites (
	tenant VARCHAR(63) NOT NULL, 
	id VARCHAR(63) NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_sites PRIMARY KEY (tenant, id)
);
INSERT INTO "sites" VALUES('acme','bcn','Barcelona');
CREATE TABLE subjects (
	tenant VARCHAR(63) NOT NULL, 
	device VARCHAR(63) NOT NULL, 
	id VARCHAR(63) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	name TEXT NOT NULL, 
	contract VARCHAR(63), 
	emission VARCHAR(63) NOT NULL, 
	active_from_ms BIGINT, 
	active_until_ms BIGINT, 
	"check" JSON, 
	CONSTRAINT pk_subjects PRIMARY KEY (tenant, device, id)
);
INSERT INTO "subjects" VALUES('acme','p1','main','player','main','admira','always',NULL,NULL,NULL);
CREATE TABLE tenants (
	id VARCHAR(63) NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_tenants PRIMARY KEY (id)
);
INSERT INTO "tenants" VALUES('acme','Ácme');
CREATE TABLE windows (
	id INTEGER NOT NULL, 
	tenant VARCHAR(63) NOT NULL, 
	kind VARCHAR(24) NOT NULL, 
	subjects JSON NOT NULL, 
	start_ms BIGINT NOT NULL, 
	end_ms BIGINT NOT NULL, 
	announced_at_ms BIGINT NOT NULL, 
	announced_by TEXT NOT NULL, 
	why TEXT NOT NULL, 
	uid TEXT, 
	occurrence TEXT, 
	cancelled_at_ms BIGINT, 
	cancelled_by TEXT, 
	cancelled_why TEXT, 
	CONSTRAINT pk_windows PRIMARY KEY (id)
);
INSERT INTO "windows" VALUES(1,'acme','planned','["*"]',1772323200000,1772326800000,1772319600000,'ana','new network',NULL,NULL,NULL,NULL,NULL);
CREATE UNIQUE INDEX ix_alerts_open ON alerts (agreement, kind) WHERE closed_ms IS NULL;
CREATE INDEX ix_alerts_opened_ms ON alerts (opened_ms);
CREATE INDEX ix_deliveries_delivered_ms_next_ms ON deliveries (delivered_ms, next_ms);
CREATE UNIQUE INDEX ix_devices_tenant_device ON devices (tenant, device);
CREATE INDEX ix_quarantine_received_ms ON quarantine (received_ms);
CREATE INDEX ix_rulings_tenant_end_ms ON rulings (tenant, end_ms);
CREATE INDEX ix_runs_boot ON runs (device_id, boot);
CREATE INDEX ix_runs_end_boot ON runs (device_id, end_boot) WHERE end_boot <> boot;
CREATE INDEX ix_runs_device_id_output_end_ms ON runs (device_id, output, end_ms);
CREATE INDEX ix_windows_tenant_end_ms ON windows (tenant, end_ms);
COMMIT;
