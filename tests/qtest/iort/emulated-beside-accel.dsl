[000h 0000 004h]                   Signature : "IORT"    [IO Remapping Table]
[004h 0004 004h]                Table Length : 0000019C
[008h 0008 001h]                    Revision : 06
[009h 0009 001h]                    Checksum : 31
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
[049h 0073 002h]                      Length : 0058
[04Bh 0075 001h]                    Revision : 04
[04Ch 0076 004h]                  Identifier : 00000001
[050h 0080 004h]               Mapping Count : 00000001
[054h 0084 004h]              Mapping Offset : 00000044

[058h 0088 008h]                Base Address : 000000000C000000
[060h 0096 004h]       Flags (decoded below) : 00000001
                             COHACC Override : 1
                               HTTU Override : 0
                      Proximity Domain Valid : 0
                              DeviceID Valid : 0
[064h 0100 004h]                    Reserved : 00000000
[068h 0104 008h]               VATOS Address : 0000000000000000
[070h 0112 004h]                       Model : 00000000
[074h 0116 004h]                  Event GSIV : 00000090
[078h 0120 004h]                    PRI GSIV : 00000091
[07Ch 0124 004h]                   GERR GSIV : 00000093
[080h 0128 004h]                   Sync GSIV : 00000092
[084h 0132 004h]            Proximity Domain : 00000000
[088h 0136 004h]     Device ID Mapping Index : 00000000

[08Ch 0140 004h]                  Input base : 00000000
[090h 0144 004h]                    ID Count : 0000FFFF
[094h 0148 004h]                 Output Base : 00000000
[098h 0152 004h]            Output Reference : 00000030
[09Ch 0156 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0

[0A0h 0160 001h]                        Type : 04
[0A1h 0161 002h]                      Length : 006C
[0A3h 0163 001h]                    Revision : 05
[0A4h 0164 004h]                  Identifier : 00000002
[0A8h 0168 004h]               Mapping Count : 00000002
[0ACh 0172 004h]              Mapping Offset : 00000044

[0B0h 0176 008h]                Base Address : 000000000C020000
[0B8h 0184 004h]       Flags (decoded below) : 00000011
                             COHACC Override : 1
                               HTTU Override : 0
                      Proximity Domain Valid : 0
                              DeviceID Valid : 1
[0BCh 0188 004h]                    Reserved : 00000000
[0C0h 0192 008h]               VATOS Address : 0000000000000000
[0C8h 0200 004h]                       Model : 00000000
[0CCh 0204 004h]                  Event GSIV : 00000094
[0D0h 0208 004h]                    PRI GSIV : 00000095
[0D4h 0212 004h]                   GERR GSIV : 00000097
[0D8h 0216 004h]                   Sync GSIV : 00000096
[0DCh 0220 004h]            Proximity Domain : 00000000
[0E0h 0224 004h]     Device ID Mapping Index : 00000001

[0E4h 0228 004h]                  Input base : 00000000
[0E8h 0232 004h]                    ID Count : 0000FFFF
[0ECh 0236 004h]                 Output Base : 00000000
[0F0h 0240 004h]            Output Reference : 00000030
[0F4h 0244 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0

[0F8h 0248 004h]                  Input base : 00000000
[0FCh 0252 004h]                    ID Count : 00000000
[100h 0256 004h]                 Output Base : 0000FFFE
[104h 0260 004h]            Output Reference : 00000030
[108h 0264 004h]       Flags (decoded below) : 00000001
                              Single Mapping : 1

[10Ch 0268 001h]                        Type : 02
[10Dh 0269 002h]                      Length : 004C
[10Fh 0271 001h]                    Revision : 03
[110h 0272 004h]                  Identifier : 00000003
[114h 0276 004h]               Mapping Count : 00000002
[118h 0280 004h]              Mapping Offset : 00000024

[11Ch 0284 008h]           Memory Properties : [IORT Memory Access Properties]
[11Ch 0284 004h]             Cache Coherency : 00000001
[120h 0288 001h]       Hints (decoded below) : 00
                                   Transient : 0
                              Write Allocate : 0
                               Read Allocate : 0
                                    Override : 0
[121h 0289 002h]                    Reserved : 0000
[123h 0291 001h] Memory Flags (decoded below) : 03
                                   Coherency : 1
                            Device Attribute : 1
               Ensured Coherency of Accesses : 0
[124h 0292 004h]               ATS Attribute : 00000000
[128h 0296 004h]          PCI Segment Number : 00000000
[12Ch 0300 001h]           Memory Size Limit : 40
[12Dh 0301 002h]          PASID Capabilities : 0000
[12Fh 0303 001h]                    Reserved : 00

[130h 0304 004h]                  Input base : 00000000
[134h 0308 004h]                    ID Count : 00001FFF
[138h 0312 004h]                 Output Base : 00000000
[13Ch 0316 004h]            Output Reference : 00000048
[140h 0320 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0

[144h 0324 004h]                  Input base : 00002000
[148h 0328 004h]                    ID Count : 0000DFFF
[14Ch 0332 004h]                 Output Base : 00002000
[150h 0336 004h]            Output Reference : 000000A0
[154h 0340 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0

[158h 0344 001h]                        Type : 06
[159h 0345 002h]                      Length : 0044
[15Bh 0347 001h]                    Revision : 03
[15Ch 0348 004h]                  Identifier : 00000004
[160h 0352 004h]               Mapping Count : 00000001
[164h 0356 004h]              Mapping Offset : 00000030

[168h 0360 004h]       Flags (decoded below) : 00000004
                         Remapping Permitted : 0
                           Access Privileged : 0
                           Access Attributes : 01
[16Ch 0364 004h]   Number of RMR Descriptors : 00000001
[170h 0368 004h]       RMR Descriptor Offset : 0000001C

[174h 0372 008h]         Base Address of RMR : 0000000008000000
[17Ch 0380 008h]               Length of RMR : 0000000000100000
[184h 0388 004h]                    Reserved : 00000000

[188h 0392 004h]                  Input base : 00002100
[18Ch 0396 004h]                    ID Count : 000000FF
[190h 0400 004h]                 Output Base : 00002100
[194h 0404 004h]            Output Reference : 000000A0
[198h 0408 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0
