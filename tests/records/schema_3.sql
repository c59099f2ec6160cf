BEGIN TRANSACTION;
CREATE TABLE drivers (
	id VARCHAR(32) NOT NULL, 
	machine VARCHAR(64) NOT NULL, 
	pid INTEGER NOT NULL, 
	started FLOAT NOT NULL, 
	heartbeat FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE members (
	"plan" VARCHAR(16) NOT NULL, 
	trial VARCHAR(16) NOT NULL, 
	PRIMARY KEY ("plan", trial)
);
INSERT INTO "members" VALUES('5302576df132a1b2','0a010682f4be4256');
INSERT INTO "members" VALUES('5302576df132a1b2','d21737f4cc65401c');
INSERT INTO "members" VALUES('5302576df132a1b2','f41a92bd500ff0f7');
INSERT INTO "members" VALUES('1d250166ea9fa38c','1b829f9b990a682f');
INSERT INTO "members" VALUES('1d250166ea9fa38c','228b61d0360a88b7');
CREATE TABLE meta (
	"key" VARCHAR NOT NULL, 
	value VARCHAR, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','3');
CREATE TABLE plans (
	hash VARCHAR(16) NOT NULL, 
	name VARCHAR NOT NULL, 
	setup VARCHAR(16) NOT NULL, 
	earlier VARCHAR(16), 
	json TEXT NOT NULL, 
	created FLOAT NOT NULL, 
	PRIMARY KEY (hash)
);
INSERT INTO "plans" VALUES('5302576df132a1b2','narrow','8f73c51f89168bf7',NULL,'{"data": {"allow_partial": false, "limit_train": 64, "name": "digits", "validation": 0.1}, "evaluation": {"attacks": [{"epsilon": "16/255", "name": "fgsm", "norm": "linf"}], "batch_size": 256, "checks": true, "images": {"test": 50}, "limits": {}, "splits": ["test"]}, "extra": [], "name": "narrow", "recipe": {"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 2, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "crop": 0.0, "end_divisor": 10000.0, "epochs": 1, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=1", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}, "seeds": [0], "space": {"architectures": ["323133", "000300", "444444"], "cells": 1, "channels": 2, "kind": "list", "name": "nas-bench-201"}}',1.79568071160001611714e+09);
INSERT INTO "plans" VALUES('1d250166ea9fa38c','half','8f73c51f89168bf7',NULL,'{"data": {"allow_partial": false, "limit_train": 64, "name": "digits", "validation": 0.1}, "evaluation": {"attacks": [{"epsilon": "16/255", "name": "fgsm", "norm": "linf"}], "batch_size": 256, "checks": true, "images": {"test": 50}, "limits": {}, "splits": ["test"]}, "extra": [], "name": "half", "recipe": {"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 2, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "crop": 0.0, "end_divisor": 10000.0, "epochs": 1, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=1", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}, "seeds": [1, 2], "space": {"architectures": ["323133"], "cells": 1, "channels": 2, "kind": "list", "name": "nas-bench-201"}}',1.79568074951600432399e+09);
CREATE TABLE records (
	architecture VARCHAR NOT NULL, 
	space VARCHAR NOT NULL, 
	dataset_hash VARCHAR(16) NOT NULL, 
	split VARCHAR(10) NOT NULL, 
	recipe_hash VARCHAR(16) NOT NULL, 
	seed BIGINT NOT NULL, 
	metric VARCHAR(64) NOT NULL, 
	attack_hash VARCHAR(16) NOT NULL, 
	attack_seed BIGINT NOT NULL, 
	images INTEGER NOT NULL, 
	dataset VARCHAR NOT NULL, 
	attack VARCHAR NOT NULL, 
	norm VARCHAR(8), 
	epsilon FLOAT, 
	value FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	torch_version VARCHAR NOT NULL, 
	device VARCHAR NOT NULL, 
	created DATETIME DEFAULT CURRENT_TIMESTAMP, 
	PRIMARY KEY (architecture, space, dataset_hash, split, recipe_hash, seed, metric, attack_hash, attack_seed, images)
);
INSERT INTO "records" VALUES('323133','nas-bench-201:channels=2,cells=1','c64e1666fcd65ba2','test','6dc10e7878dd4709',0,'clean','',0,50,'digits','clean',NULL,NULL,0.1,4.62669899934553541243e-03,'2.13.0+cpu','cpu','2026-11-26 08:11:53');
INSERT INTO "records" VALUES('323133','nas-bench-201:channels=2,cells=1','c64e1666fcd65ba2','test','6dc10e7878dd4709',0,'fgsm@16/255','661422f2240f0174',0,50,'digits','fgsm','linf',6.27450980392156854037e-02,0.1,1.69983940031670499593e-02,'2.13.0+cpu','cpu','2026-11-26 08:11:53');
INSERT INTO "records" VALUES('000300','nas-bench-201:channels=2,cells=1','c64e1666fcd65ba2','test','6dc10e7878dd4709',0,'clean','',0,50,'digits','clean',NULL,NULL,0.1,2.29666499944869428873e-03,'2.13.0+cpu','cpu','2026-11-26 08:11:54');
INSERT INTO "records" VALUES('000300','nas-bench-201:channels=2,cells=1','c64e1666fcd65ba2','test','6dc10e7878dd4709',0,'fgsm@16/255','661422f2240f0174',0,50,'digits','fgsm','linf',6.27450980392156854037e-02,0.1,6.22306299919728189706e-03,'2.13.0+cpu','cpu','2026-11-26 08:11:54');
INSERT INTO "records" VALUES('444444','nas-bench-201:channels=2,cells=1','c64e1666fcd65ba2','test','6dc10e7878dd4709',0,'clean','',0,50,'digits','clean',NULL,NULL,0.04,2.29897800090839155018e-03,'2.13.0+cpu','cpu','2026-11-26 08:11:54');
INSERT INTO "records" VALUES('444444','nas-bench-201:channels=2,cells=1','c64e1666fcd65ba2','test','6dc10e7878dd4709',0,'fgsm@16/255','661422f2240f0174',0,50,'digits','fgsm','linf',6.27450980392156854037e-02,0.04,7.56528800047817640006e-03,'2.13.0+cpu','cpu','2026-11-26 08:11:54');
CREATE TABLE settings (
	hash VARCHAR(16) NOT NULL, 
	json TEXT NOT NULL, 
	PRIMARY KEY (hash)
);
INSERT INTO "settings" VALUES('667cc3a3320e5c48','{"space": "nas-bench-201:channels=2,cells=1", "space_fingerprint": "6ad73a1a94d51b83"}');
INSERT INTO "settings" VALUES('8f73c51f89168bf7','{"batch_size": 256, "data": {"allow_partial": false, "limit_train": 64, "name": "digits", "validation": 0.1}, "dataset_hash": "c64e1666fcd65ba2", "evaluation": {"attacks": [{"epsilon": "16/255", "name": "fgsm", "norm": "linf"}], "batch_size": 256, "checks": true, "images": {"test": 50}, "limits": {}, "splits": ["test"]}, "measurements": [{"attack_hash": "", "images": 50, "metric": "clean", "split": "test"}, {"attack_hash": "661422f2240f0174", "images": 50, "metric": "fgsm@16/255", "split": "test"}], "recipe": {"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 2, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "crop": 0.0, "end_divisor": 10000.0, "epochs": 1, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=1", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}, "recipe_hash": "6dc10e7878dd4709", "space": "nas-bench-201:channels=2,cells=1", "space_fingerprint": "6ad73a1a94d51b83"}');
INSERT INTO "settings" VALUES('5a0cfeb3e6e836b3','{"majority": 0.1, "num_classes": 10}');
INSERT INTO "settings" VALUES('661422f2240f0174','{"name": "fgsm", "threat": {"epsilon": "16/255", "norm": "linf"}}');
INSERT INTO "settings" VALUES('6dc10e7878dd4709','{"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 2, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "crop": 0.0, "end_divisor": 10000.0, "epochs": 1, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=1", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}');
CREATE TABLE trials (
	hash VARCHAR(16) NOT NULL, 
	setup VARCHAR(16) NOT NULL, 
	architecture VARCHAR NOT NULL, 
	seed BIGINT NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	owner VARCHAR(32), 
	deaths INTEGER DEFAULT '0' NOT NULL, 
	claimed FLOAT, 
	finished FLOAT, 
	seconds FLOAT, 
	failure VARCHAR(16), 
	message TEXT, 
	PRIMARY KEY (hash)
);
INSERT INTO "trials" VALUES('0a010682f4be4256','8f73c51f89168bf7','323133',0,'done',NULL,0,1.79568071162001180645e+09,1795680713.85798,7.35017528000753372907e-01,NULL,NULL);
INSERT INTO "trials" VALUES('d21737f4cc65401c','8f73c51f89168bf7','000300',0,'done',NULL,0,1.79568071385999178889e+09,1.79568071414001441e+09,0.276186900002358,NULL,'test: a very large epsilon drives accuracy to 0: accuracy 0.100 at linf 1 on 50 images');
INSERT INTO "trials" VALUES('f41a92bd500ff0f7','8f73c51f89168bf7','444444',0,'done',NULL,0,1.7956807141419858933e+09,1.79568071446200013159e+09,3.15461795002192957326e-01,NULL,NULL);
INSERT INTO "trials" VALUES('1b829f9b990a682f','8f73c51f89168bf7','323133',1,'failed',NULL,0,1.79568074953298282628e+09,1.79568075107700967783e+09,2.0041457699699094519e-01,'time limit','not finished after 0.01 s');
INSERT INTO "trials" VALUES('228b61d0360a88b7','8f73c51f89168bf7','323133',2,'waiting',NULL,0,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX trials_by_time ON trials (finished);
CREATE INDEX trials_by_setup ON trials (setup, architecture, seed);
CREATE INDEX trials_by_state ON trials (state, owner);
COMMIT;
