[000h 0000 004h]                   Signature : "IORT"    [IO Remapping Table]
[004h 0004 004h]                Table Length : 000001B0
[008h 0008 001h]                    Revision : 06
[009h 0009 001h]                    Checksum : 2D
[00Ah 0010 006h]                      Oem ID : "BOCHS "
[010h 0016 008h]                Oem Table ID : "BXPC    "
[018h 0024 004h]                Oem Revision : 00000001
[01Ch 0028 004h]             Asl Compiler ID : "BXPC"
[020h 0032 004h]       Asl Compiler Revision : 00000001

[024h 0036 004h]                  Node Count : 00000005
[028h 0040 004h]                 Node Offset : 00000030
[02Ch 0044 004h]                    Reserved : 00000000

[030h 0048 001h]                        Type : 00
[031h 0049 002h]                      Length : 0018
[033h 0051 001h]                    Revision : 01
[034h 0052 004h]                  Identifier : 00000000
[038h 0056 004h]               Mapping Count : 00000000
[03Ch 0060 004h]              Mapping Offset : 00000000

[040h 0064 004h]                    ItsCount : 00000001
[044h 0068 004h]                 Identifiers : 00000000

[048h 0072 001h]                        Type : 04
[049h 0073 002h]                      Length : 006C
[04Bh 0075 001h]                    Revision : 05
[04Ch 0076 004h]                  Identifier : 00000001
[050h 0080 004h]               Mapping Count : 00000002
[054h 0084 004h]              Mapping Offset : 00000044

[058h 0088 008h]                Base Address : 000000000C000000
[060h 0096 004h]       Flags (decoded below) : 00000011
                             COHACC Override : 1
                               HTTU Override : 0
                      Proximity Domain Valid : 0
                              DeviceID Valid : 1
[064h 0100 004h]                    Reserved : 00000000
[068h 0104 008h]               VATOS Address : 0000000000000000
[070h 0112 004h]                       Model : 00000000
[074h 0116 004h]                  Event GSIV : 00000090
[078h 0120 004h]                    PRI GSIV : 00000091
[07Ch 0124 004h]                   GERR GSIV : 00000093
[080h 0128 004h]                   Sync GSIV : 00000092
[084h 0132 004h]            Proximity Domain : 00000000
[088h 0136 004h]     Device ID Mapping Index : 00000001

[08Ch 0140 004h]                  Input base : 00000000
[090h 0144 004h]                    ID Count : 0000FFFF
[094h 0148 004h]                 Output Base : 00000000
[098h 0152 004h]            Output Reference : 00000030
[09Ch 0156 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0

[0A0h 0160 004h]                  Input base : 00000000
[0A4h 0164 004h]                    ID Count : 00000000
[0A8h 0168 004h]                 Output Base : 0000FFFF
[0ACh 0172 004h]            Output Reference : 00000030
[0B0h 0176 004h]       Flags (decoded below) : 00000001
                              Single Mapping : 1

[0B4h 0180 001h]                        Type : 04
[0B5h 0181 002h]                      Length : 006C
[0B7h 0183 001h]                    Revision : 05
[0B8h 0184 004h]                  Identifier : 00000002
[0BCh 0188 004h]               Mapping Count : 00000002
[0C0h 0192 004h]              Mapping Offset : 00000044

[0C4h 0196 008h]                Base Address : 000000000C020000
[0CCh 0204 004h]       Flags (decoded below) : 00000011
                             COHACC Override : 1
                               HTTU Override : 0
                      Proximity Domain Valid : 0
                              DeviceID Valid : 1
[0D0h 0208 004h]                    Reserved : 00000000
[0D4h 0212 008h]               VATOS Address : 0000000000000000
[0DCh 0220 004h]                       Model : 00000000
[0E0h 0224 004h]                  Event GSIV : 00000094
[0E4h 0228 004h]                    PRI GSIV : 00000095
[0E8h 0232 004h]                   GERR GSIV : 00000097
[0ECh 0236 004h]                   Sync GSIV : 00000096
[0F0h 0240 004h]            Proximity Domain : 00000000
[0F4h 0244 004h]     Device ID Mapping Index : 00000001

[0F8h 0248 004h]                  Input base : 00000000
[0FCh 0252 004h]                    ID Count : 0000FFFF
[100h 0256 004h]                 Output Base : 00000000
[104h 0260 004h]            Output Reference : 00000030
[108h 0264 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0

[10Ch 0268 004h]                  Input base : 00000000
[110h 0272 004h]                    ID Count : 00000000
[114h 0276 004h]                 Output Base : 0000FFFE
[118h 0280 004h]            Output Reference : 00000030
[11Ch 0284 004h]       Flags (decoded below) : 00000001
                              Single Mapping : 1

[120h 0288 001h]                        Type : 02
[121h 0289 002h]                      Length : 004C
[123h 0291 001h]                    Revision : 03
[124h 0292 004h]                  Identifier : 00000003
[128h 0296 004h]               Mapping Count : 00000002
[12Ch 0300 004h]              Mapping Offset : 00000024

[130h 0304 008h]           Memory Properties : [IORT Memory Access Properties]
[130h 0304 004h]             Cache Coherency : 00000001
[134h 0308 001h]       Hints (decoded below) : 00
                                   Transient : 0
                              Write Allocate : 0
                               Read Allocate : 0
                                    Override : 0
[135h 0309 002h]                    Reserved : 0000
[137h 0311 001h] Memory Flags (decoded below) : 03
                                   Coherency : 1
                            Device Attribute : 1
               Ensured Coherency of Accesses : 0
[138h 0312 004h]               ATS Attribute : 00000000
[13Ch 0316 004h]          PCI Segment Number : 00000000
[140h 0320 001h]           Memory Size Limit : 40
[141h 0321 002h]          PASID Capabilities : 0000
[143h 0323 001h]                    Reserved : 00

[144h 0324 004h]                  Input base : 00000000
[148h 0328 004h]                    ID Count : 00001FFF
[14Ch 0332 004h]                 Output Base : 00000000
[150h 0336 004h]            Output Reference : 00000048
[154h 0340 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0

[158h 0344 004h]                  Input base : 00002000
[15Ch 0348 004h]                    ID Count : 0000DFFF
[160h 0352 004h]                 Output Base : 00002000
[164h 0356 004h]            Output Reference : 000000B4
[168h 0360 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0

[16Ch 0364 001h]                        Type : 06
[16Dh 0365 002h]                      Length : 0044
[16Fh 0367 001h]                    Revision : 03
[170h 0368 004h]                  Identifier : 00000004
[174h 0372 004h]               Mapping Count : 00000001
[178h 0376 004h]              Mapping Offset : 00000030

[17Ch 0380 004h]       Flags (decoded below) : 00000004
                         Remapping Permitted : 0
                           Access Privileged : 0
                           Access Attributes : 01
[180h 0384 004h]   Number of RMR Descriptors : 00000001
[184h 0388 004h]       RMR Descriptor Offset : 0000001C

[188h 0392 008h]         Base Address of RMR : 0000000008000000
[190h 0400 008h]               Length of RMR : 0000000000100000
[198h 0408 004h]                    Reserved : 00000000

[19Ch 0412 004h]                  Input base : 00000100
[1A0h 0416 004h]                    ID Count : 00001EFF
[1A4h 0420 004h]                 Output Base : 00000100
[1A8h 0424 004h]            Output Reference : 00000048
[1ACh 0428 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0
