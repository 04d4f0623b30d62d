PRAGMA application_id=1112363859;
PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE extension (id INTEGER PRIMARY KEY AUTOINCREMENT, unit TEXT NOT NULL,
    target TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, mode TEXT NOT NULL,
    setpoints TEXT NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL, ended_us INTEGER,
    ended TEXT);
INSERT INTO "extension" VALUES(1,'u','b.floor-1',1772438400000000,1772445600000000,'occupied','{}','zhao','inventory',NULL,NULL);
CREATE TABLE overlay_level (id INTEGER PRIMARY KEY, overlay TEXT NOT NULL,
    level TEXT NOT NULL, start_us INTEGER NOT NULL, until_us INTEGER NOT NULL, by TEXT NOT NULL,
    reason TEXT NOT NULL, ended_us INTEGER, ended TEXT);
INSERT INTO "overlay_level" VALUES(1,'holiday','low',1772438400000000,1772611200000000,'wang','spring festival',1772442000000000,'cleared by wang: over');
INSERT INTO "overlay_level" VALUES(2,'holiday','high',1772442000000000,1772611200000000,'wang','peak',NULL,NULL);
CREATE TABLE override (id INTEGER PRIMARY KEY AUTOINCREMENT, point TEXT NOT NULL,
    value TEXT NOT NULL, start_us INTEGER NOT NULL, until_us INTEGER NOT NULL,
    reason TEXT NOT NULL, owner TEXT NOT NULL, ended_us INTEGER, ended TEXT);
INSERT INTO "override" VALUES(1,'b.ahu-1.enable','true',1772438400000000,1772442000000000,'too cold','chen',1772440200000000,'replaced by li');
INSERT INTO "override" VALUES(2,'b.ahu-1.enable','false',1772440200000000,1772449200000000,'too warm','li',NULL,NULL);
INSERT INTO "override" VALUES(3,'b.ahu-2.enable','true',1772438400000000,1772442000000000,'too cold','chen',1772439300000000,'cleared by li');
CREATE TABLE season_spell (id INTEGER PRIMARY KEY, set_id TEXT NOT NULL,
    base TEXT NOT NULL, start_us INTEGER NOT NULL, season TEXT NOT NULL, cause TEXT NOT NULL,
    by TEXT NOT NULL, reason TEXT NOT NULL, made_us INTEGER NOT NULL, withdrawn_us INTEGER,
    withdrawn TEXT);
INSERT INTO "season_spell" VALUES(1,'hvac','b',1772438400000000,'cooling','start','bms','as at the first start',1772438400000000,NULL,NULL);
INSERT INTO "season_spell" VALUES(2,'hvac','b',1772524800000000,'heating','hand','wang','frost is coming',1772438400000000,NULL,NULL);
CREATE TABLE state (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID
;
INSERT INTO "state" VALUES('season','{"mode": "cooling"}');
CREATE TABLE unaudited (ref INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL);
CREATE UNIQUE INDEX override_open ON override (point) WHERE ended_us IS NULL;
CREATE UNIQUE INDEX overlay_level_open ON overlay_level (overlay)
    WHERE ended_us IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('override',3);
INSERT INTO "sqlite_sequence" VALUES('unaudited',6);
INSERT INTO "sqlite_sequence" VALUES('extension',1);
COMMIT;
