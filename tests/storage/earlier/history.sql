PRAGMA application_id=1112363848;
PRAGMA user_version=2;
BEGIN TRANSACTION;
CREATE TABLE about (only INTEGER PRIMARY KEY CHECK (only = 1), uid TEXT NOT NULL,
    widest_ms INTEGER NOT NULL);
INSERT INTO "about" VALUES(1,'8a692c15e0b3360be6a2f1e355dbddc0',0);
CREATE TABLE alarm (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, key TEXT NOT NULL,
    severity INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
INSERT INTO "alarm" VALUES(1,1772438400000,'b.ahu-1.enable:uncommandable',3,'raised','b.ahu-1.enable cannot be released: refused');
CREATE TABLE award (id INTEGER PRIMARY KEY, point INTEGER NOT NULL, time_ms INTEGER NOT NULL,
    value TEXT, priority INTEGER, source INTEGER, reason INTEGER, expires_ms INTEGER,
    losers INTEGER);
INSERT INTO "award" VALUES(1,4,1772438400000,'true',8,2,3,NULL,4);
INSERT INTO "award" VALUES(2,4,1772442000000,'true',6,5,6,NULL,7);
INSERT INTO "award" VALUES(3,4,1772445600000,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE dropped (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, class TEXT NOT NULL,
    t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, samples INTEGER NOT NULL, bytes INTEGER NOT NULL,
    reason TEXT NOT NULL);
INSERT INTO "dropped" VALUES(1,1772438400000,'all',1772438400000,1772442000000,5,0,'the disk was stuck');
CREATE TABLE late (seq INTEGER PRIMARY KEY AUTOINCREMENT, meter INTEGER NOT NULL,
    time_ms INTEGER NOT NULL);
CREATE TABLE log (seq INTEGER PRIMARY KEY AUTOINCREMENT, t0 INTEGER NOT NULL,
    t1 INTEGER NOT NULL, n INTEGER NOT NULL, blob BLOB NOT NULL);
INSERT INTO "log" VALUES(1,1772438400000,1772438400000,3,X'424D5301F592CAB10300000000000000780163626664201534307C3055B17770701010000016F202EF');
CREATE TABLE meter (id INTEGER PRIMARY KEY, point TEXT NOT NULL, base TEXT NOT NULL,
    resolution TEXT NOT NULL, UNIQUE (point, resolution));
INSERT INTO "meter" VALUES(1,'b.m.energy','b','0.1');
CREATE TABLE quarantine (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, t0 INTEGER NOT NULL,
    n INTEGER NOT NULL, blob BLOB NOT NULL);
CREATE TABLE reading (meter INTEGER NOT NULL, time_ms INTEGER NOT NULL, counts INTEGER NOT NULL,
    PRIMARY KEY (meter, time_ms)) WITHOUT ROWID;
INSERT INTO "reading" VALUES(1,1772438400000,100);
CREATE TABLE series (id INTEGER PRIMARY KEY, point TEXT NOT NULL UNIQUE,
    unit TEXT NOT NULL, class TEXT NOT NULL);
INSERT INTO "series" VALUES(1,'b.m.energy','kWh','counter');
INSERT INTO "series" VALUES(2,'b.ahu-1.mode','','state');
INSERT INTO "series" VALUES(3,'b.ahu-1.zone_temp','','analog');
INSERT INTO "series" VALUES(4,'b.ahu-1.enable','','analog');
CREATE TABLE session (id INTEGER PRIMARY KEY, begun_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL);
INSERT INTO "session" VALUES(1,1772438400000,1772449200000);
CREATE TABLE text (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
INSERT INTO "text" VALUES(1,'auto');
INSERT INTO "text" VALUES(2,'operator');
INSERT INTO "text" VALUES(3,'chen: too cold (until 09:00)');
INSERT INTO "text" VALUES(4,'[{"value": false, "priority": 15, "source": "schedule", "reason": "off: weekly mon-fri 07:30-18:00, schedules/ahu.yaml:12"}]');
INSERT INTO "text" VALUES(5,'minimum times');
INSERT INTO "text" VALUES(6,'minimum on-time holds until 08:15, then released');
INSERT INTO "text" VALUES(7,'{"held_since_ms": 1772442000000, "losers": []}');
CREATE INDEX log_time ON log (t0, t1);
CREATE INDEX award_point ON award (point, time_ms);
CREATE INDEX award_time ON award (time_ms);
CREATE INDEX alarm_time ON alarm (time_ms);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('log',1);
COMMIT;
